"""``python -m service.pricing``: the pricing stand-in."""

from service.pricing.app import create_app
from service.server import options, run, settings_or_exit
from service.settings import PricingSettings

if __name__ == "__main__":
    chosen = options("python -m service.pricing", port=8001)
    run(create_app(settings_or_exit(PricingSettings)), chosen)
