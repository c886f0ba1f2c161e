"""An answer as a pydantic object: the schema goes along, and the answer cannot miss it."""

from pydantic import BaseModel

from groq import Groq


class Ingredient(BaseModel):
    name: str
    quantity: str


class Recipe(BaseModel):
    recipe_name: str
    ingredients: list[Ingredient]
    directions: list[str]


client = Groq()
completion = client.chat.completions.parse(
    model="llama3-8b-8192",
    messages=[
        {"role": "system", "content": "You are a recipe database that outputs recipes in JSON."},
        {"role": "user", "content": "Fetch a recipe for apple pie"},
    ],
    response_format=Recipe,
    max_tokens=200,
)
recipe = completion.choices[0].message.parsed
assert recipe is not None
print(recipe.recipe_name)
for ingredient in recipe.ingredients:
    print(f"- {ingredient.quantity} of {ingredient.name}")
