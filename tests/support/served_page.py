"""The search page over a small index, served by the real server for as long as a test needs it."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from schemas.storage import Folder
from schemas.tables import write_table
from tests.support.balanced_shards import SIDECAR, image_id, write_queries
from tests.support.drawn_scenes import captioned
from tests.support.small_index import make_index
from tests.support.small_shards import write_tar
from tests.support.waiting import wait_until
from trainer.search import server
from trainer.search.asking import Asking
from trainer.search.vector_index import open_index
from trainer.use.load import load

HOSTILE = 5
"""The sample whose caption is HTML."""
HOSTILE_CAPTION = "<b onmouseover=alert(1)>bold</b><script>document.title = 'taken'</script> & more"


def drawn_png(number: int) -> bytes:
    """Return the picture of a sample of `make_page_index`."""
    sink = io.BytesIO()
    captioned(number)[0].save(sink, "PNG")
    return sink.getvalue()


def drawn_caption(number: int) -> str:
    return HOSTILE_CAPTION if number == HOSTILE else captioned(number)[1]


def drawn_query(number: int) -> str:
    return captioned(number)[1].split(" and ")[0].removeprefix("a ")


def make_page_index(root: Path, num_samples: int) -> str:
    """Write shards of drawn scenes, each with the query that it was collected for, and index their images."""
    shards = root / "shards"
    shards.mkdir()
    texts = sorted({drawn_query(number) for number in range(num_samples)})
    members, rows = [], []
    for number in range(num_samples):
        key, caption = f"{number:06d}", drawn_caption(number)
        members += [(f"{key}.png", drawn_png(number)), (f"{key}.txt", caption.encode())]
        rows.append({"key": key, "image_id": image_id(number), "captions": [caption], "status": "success",
                     "query_ids": [[texts.index(drawn_query(number))]]})  # fmt: skip
    write_tar(shards / "00000.tar", members)
    folder = Folder(str(shards))
    write_table(folder, "00000.parquet", pa.Table.from_pylist(rows, SIDECAR), SIDECAR)
    write_queries(folder, texts)
    return make_index(root, shards=str(shards))


@contextmanager
def serve_page(model: Path, index: str) -> Iterator[str]:
    """Serve the page; give its address."""
    import uvicorn

    app = server.make_app(Asking(load(model, device="cpu"), open_index(index), threads=1))
    running = uvicorn.Server(uvicorn.Config(app, host=server.HOST, port=0, log_level="warning"))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        wait_until(lambda: running.started or not thread.is_alive(), "the server listens")
        host, port = running.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        running.should_exit = True
        thread.join()
