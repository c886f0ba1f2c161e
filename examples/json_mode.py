"""JSON mode with pydantic: the schema goes into the system prompt, the answer into a model.

The embedded model is very small: what it writes into the fields is its own business, that it is
JSON is ours. The schema in the prompt is a wish in JSON mode, so a small model may miss it; then
pydantic says what is missing.
"""

import json

from pydantic import BaseModel, ValidationError

from groq import Groq


class Ingredient(BaseModel):
    name: str
    quantity: str


class Recipe(BaseModel):
    recipe_name: str
    ingredients: list[Ingredient]


client = Groq()
schema = json.dumps(Recipe.model_json_schema(), indent=2)

completion = client.chat.completions.create(
    model="llama3-70b-8192",
    messages=[
        {
            "role": "system",
            "content": "You are a recipe database that answers in JSON.\n"
            f"The JSON object must use the schema: {schema}",
        },
        {"role": "user", "content": "A recipe for pancakes with two ingredients."},
    ],
    temperature=0,
    max_tokens=600,
    response_format={"type": "json_object"},
)

content = completion.choices[0].message.content or ""
print(json.dumps(json.loads(content), indent=2))
try:
    recipe = Recipe.model_validate_json(content)
except ValidationError as error:
    print(f"Valid JSON, but not a recipe: {error.error_count()} fields differ")
else:
    print(f"{recipe.recipe_name}: {', '.join(each.name for each in recipe.ingredients)}")
