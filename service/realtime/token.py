"""``python -m service.realtime.token ROOM``: a token that opens one room."""

import argparse
import hashlib
import hmac


def room_token(secret: str, room: str) -> str:
    """The token of a room: whoever knows the secret can make it."""
    return hmac.new(secret.encode(), room.encode(), hashlib.sha256).hexdigest()


def opens(token: str, secret: str, room: str) -> bool:
    """Whether the token is the room's, compared in a time that reveals nothing of it."""
    return hmac.compare_digest(token.encode(), room_token(secret, room).encode())


def main() -> None:
    """Print the token of a room."""
    from service.server import settings_or_exit
    from service.settings import ServiceSettings

    parser = argparse.ArgumentParser(prog="python -m service.realtime.token", description=__doc__)
    parser.add_argument("room", help="name of the room")
    room = parser.parse_args().room
    print(room_token(settings_or_exit(ServiceSettings).room_secret.get_secret_value(), room))


if __name__ == "__main__":
    main()
