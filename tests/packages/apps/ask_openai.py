"""Asks a model three times, inside of a span of the application's own."""

import os

from openai import OpenAI
from opentelemetry import trace

client = OpenAI(base_url=os.environ["MODEL_SERVICE"], api_key="none")
with trace.get_tracer("shop").start_as_current_span("question"):
    for _ in range(3):
        answer = client.chat.completions.create(model="small", messages=[{"role": "user", "content": "Is it?"}])
        print(answer.choices[0].message.content)
