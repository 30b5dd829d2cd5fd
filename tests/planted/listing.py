"""Users who list orders again and again: quick enough for slices."""

from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    """Orders a few times, then lists, and lists again."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Place three orders, so that there is something to list."""
        for number in range(3):
            lines = [{"sku": f"SKU-{number + 1}", "quantity": 1}]
            self.client.post("/orders", json={"customer_id": 1, "lines": lines})

    @task
    def list_orders(self) -> None:
        """Ask for the newest orders."""
        self.client.get("/orders?limit=20", name="/orders")
