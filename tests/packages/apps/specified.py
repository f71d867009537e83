"""A connexion application: ASGI outside, Flask inside."""

import connexion

SPECIFICATION = {
    "openapi": "3.0.0",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/items/{number}": {
            "get": {
                "operationId": "specified.item",
                "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "An item."}},
            }
        }
    },
}


def item(number: int) -> dict[str, int]:
    return {"number": number}


app = connexion.FlaskApp(__name__)
app.add_api(SPECIFICATION)
