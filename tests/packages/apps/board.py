"""A dash application."""

from dash import Dash, Input, Output, dcc, html

board = Dash(__name__)
board.layout = html.Div([dcc.Input(id="text"), html.Div(id="shown")])


@board.callback(Output("shown", "children"), Input("text", "value"))
def show(value: str) -> str:
    return f"shown: {value}"


app = board.server
