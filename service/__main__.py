"""``python -m service``: the ordering service."""

from service.app import create_app
from service.server import options, run, settings_or_exit
from service.settings import ServiceSettings

if __name__ == "__main__":
    chosen = options("python -m service", port=8000)
    settings = settings_or_exit(ServiceSettings)
    run(create_app(settings), chosen, loop=settings.event_loop)
