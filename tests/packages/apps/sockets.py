"""A flask-socketio application."""

from flask import Flask
from flask_socketio import SocketIO, emit

app = Flask(__name__)
sockets = SocketIO(app, async_mode="threading")


@app.get("/")
def index() -> str:
    return "index"


@sockets.on("question")
def answer(text: str) -> None:
    emit("answer", text.upper())
