"""A FastAPI application."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    return {"number": number}


@app.get("/threads/{number}")
def in_thread(number: int) -> dict[str, int]:
    return {"number": number}
