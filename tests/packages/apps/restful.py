"""A flask-restx application."""

from flask import Flask
from flask_restx import Api, Resource

app = Flask(__name__)
api = Api(app)


@api.route("/items/<int:number>")
class Item(Resource):
    def get(self, number: int) -> dict[str, int]:
        if number == 13:
            api.abort(404, "none of these")
        if number == 14:
            raise LookupError("out of order")
        return {"number": number}


@api.errorhandler(LookupError)
def out_of_order(error: LookupError) -> tuple[dict[str, str], int]:
    return {"message": str(error)}, 503
