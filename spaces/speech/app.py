"""Speech recognition as a Hugging Face Space. Written by: suite space build speech."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "packages"))  # Suite's own code, where it lies beside this file

from suite.web.space import space  # noqa: E402

if __name__ == "__main__":
    space("speech")
