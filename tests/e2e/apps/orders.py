"""A view that asks a database and another service; it knows nothing of OpenTelemetry."""

import os

import requests
from flask import Flask
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine("sqlite://")


@app.get("/orders/<int:number>")
def order(number: int) -> str:
    with engine.connect() as connection:
        total = connection.execute(text("SELECT :number * 2"), {"number": number}).scalar()
    stock = requests.get(os.environ["STOCK_SERVICE"], timeout=10).text
    return f"{total} {stock}"
