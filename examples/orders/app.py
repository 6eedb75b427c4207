"""The orders of a pet food shop: what `make run` starts."""

from motia_fast import App

app = App("orders")
app.discover("steps")

if __name__ == "__main__":
    app.run()
