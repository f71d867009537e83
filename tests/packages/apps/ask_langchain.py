"""Asks a model by a chain of langchain, twice, inside of a span of the application's own."""

import os

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from opentelemetry import trace

model = ChatOpenAI(base_url=os.environ["MODEL_SERVICE"], api_key="none", model="small")
chain = ChatPromptTemplate.from_messages([("user", "Is {what}?")]) | model | StrOutputParser()
with trace.get_tracer("shop").start_as_current_span("question"):
    print(chain.invoke({"what": "it"}))
    print(chain.invoke({"what": "that"}))
