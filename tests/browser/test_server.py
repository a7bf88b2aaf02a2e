"""What the served app lets in, and what it leaves behind."""

import socket
import tempfile
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from suite import SuiteError
from suite.web import server as server_module

LAUNCH = ["-m", "suite", "launch", "--no-browser", "--port", "17900"]


def test_health(server):
    answer = httpx.get(f"{server.address}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize("path", ["/", "/toy", "/healthz", "/config", "/gradio_api/info"])
def test_an_unknown_host_is_refused(server, path):
    """A stranger's page can point its own name at 127.0.0.1; the Host header gives it away."""
    assert httpx.get(server.address + path).status_code == 200
    assert httpx.get(server.address + path, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_another_origin_may_not_call(server, origin):
    files = {"files": ("a.txt", b"hello")}
    assert httpx.post(f"{server.address}/gradio_api/upload", files=files).status_code == 200
    answer = httpx.post(f"{server.address}/gradio_api/upload", files=files, headers={"Origin": origin})
    assert (answer.status_code, answer.text) == (403, "This app answers its own pages only.")


def test_every_answer_has_the_security_headers(server):
    for path in ("/", "/toy", "/config", "/no-such-page"):
        headers = httpx.get(server.address + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_an_oversized_upload_is_refused(server):
    block = bytes(2**20)
    boundary = b'--cut\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'

    def body(megabytes):
        yield boundary
        yield from (block for _ in range(megabytes))
        yield b"\r\n--cut--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    url = f"{server.address}/gradio_api/upload"
    assert httpx.post(url, content=body(1), headers=headers).status_code == 200
    assert httpx.post(url, content=body(257), headers=headers, timeout=60).status_code == 413


def test_files_of_this_machine_are_not_served(server):
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        for path in (file.name, "/etc/hostname", str(Path(__file__))):
            assert httpx.get(f"{server.address}/gradio_api/file={path}").status_code == 403


def test_a_careless_handler_publishes_nothing_of_this_machine(server):
    """Gradio would publish what lies in the working directory or the temporary folder."""
    client, here = Client(server.address, verbose=False), server.log.parent
    (here / "secret.txt").write_text("mine")
    (here / "part").mkdir(exist_ok=True)
    (here / "part" / "Secret.txt").write_text("mine")
    with tempfile.TemporaryDirectory() as elsewhere:
        (Path(elsewhere) / "link").symlink_to(here)
        (Path(elsewhere) / "other.txt").write_text("of another program")
        secrets = [here / "secret.txt", "secret.txt", "./part/../secret.txt", here / "part" / "Secret.txt"]
        secrets += [Path(elsewhere) / "link" / "secret.txt", Path(elsewhere) / "other.txt", Path(__file__)]
        for secret in map(str, secrets):
            with pytest.raises(AppError):
                client.predict(secret, api_name="/any_file")
    upload = httpx.post(f"{server.address}/gradio_api/upload", files={"files": ("a.txt", b"a visitor's own")})
    shown = client.predict(upload.json()[0], api_name="/any_file")
    assert Path(shown).read_text() == "a visitor's own"


@pytest.mark.parametrize(("place", "taken"), [("elsewhere", 0), ("here/below", 1), ("HERE", 1), ("here", 1)])
def test_what_is_temporary_lies_outside_the_working_directory(place, taken, tmp_path, monkeypatch):
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / place))
    places = [tmp_path / place, tmp_path / "cache"]
    assert server_module._outside(tmp_path / "here") == places[taken]
    with pytest.raises(SuiteError, match="holds every folder for temporary files"):
        server_module._outside(tmp_path)


def test_the_endpoint_answers_without_a_browser(server, told_by_predictor):
    answer = Client(server.address, verbose=False).predict("area", api_name="/toy_decide")
    assert answer["label"] == told_by_predictor("area")


def test_a_taken_port_gives_the_next_and_the_folder_stays_clean(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serve([*LAUNCH[:-1], str(port)]) as process:
            assert port < int(process.address.rpartition(":")[2]) < port + 100
            assert f"Port {port} is taken" in process.log.read_text()
            assert Path(f"/proc/{process.pid}/cwd").resolve() == process.log.parent
            (kept,) = httpx.post(f"{process.address}/gradio_api/upload", files={"files": ("a.txt", b"private")}).json()
            (own,) = (folder for folder in Path(kept).parents if folder.name.startswith("suite-web-"))
    assert process.returncode == 0
    assert not own.exists()
    assert [path.name for path in process.log.parent.iterdir()] == ["stderr.txt"]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_ipv6(serve):
    with serve([*LAUNCH, "--host", "::1"]) as process:
        assert process.address.startswith("http://[::1]:")
        assert httpx.get(f"{process.address}/healthz").text == "ok"
        assert httpx.get(f"{process.address}/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_a_password_is_asked_for(serve):
    with serve([*LAUNCH, "--auth", "ada:lovelace"], GRADIO_SHARE="true") as process:
        for path in ("/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=a"):
            assert httpx.get(process.address + path).status_code == 401
        wrong = httpx.post(f"{process.address}/login", data={"username": "ada", "password": "byron"})
        assert wrong.status_code == 400
        with httpx.Client(base_url=process.address) as client:
            assert client.post("/login", data={"username": "ada", "password": "lovelace"}).status_code == 200
            assert client.get("/config").status_code == 200
