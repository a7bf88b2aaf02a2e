"""A small hub on 127.0.0.1 that speaks what huggingface_hub asks: repositories with commits, large files, jobs.

In memory, standard library only. Every request is written down in `requests`, every job in `jobs`.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KINDS = "(models|datasets|spaces)"
NAME = r"([\w.-]+/[\w.-]+)"
LARGE = ("*.safetensors", "*.parquet", "*.png")  # what a new repository's .gitattributes sends to large storage


class RefusalError(Exception):
    """A status, the hub's own word for the error, and a message."""

    def __init__(self, status, code="", message=""):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def blob_id(content):
    """Git's name of a file, by which a client sees that it has not changed."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """Commits of one repository: each is all its files by name."""

    def __init__(self, kind, name, private=True, gated=False):
        self.kind, self.name, self.private, self.gated = kind, name, private, gated
        self.commits, self.messages = {}, {}
        self.refs = {}
        self.commit({".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")

    @property
    def head(self):
        return self.refs["main"]

    @property
    def files(self):
        """The files of the newest commit."""
        return self.commits[self.head]

    def commit(self, changes, message):
        """Adds (None removes) files; the commit's name follows from all its content."""
        files = {**(self.commits[self.head] if self.refs else {}), **changes}
        files = {path: content for path, content in files.items() if content is not None}
        seed = repr((self.name, len(self.commits), sorted((p, blob_id(c)) for p, c in files.items())))
        name = hashlib.sha1(seed.encode()).hexdigest()
        self.commits[name], self.messages[name] = files, message
        self.refs["main"] = name
        return name

    def at(self, revision):
        """The commit a branch, tag or commit's name stands for."""
        commit = self.refs.get(revision, revision)
        if commit not in self.commits:
            raise RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def describe(self, commit):
        siblings = [{"rfilename": path} for path in sorted(self.commits[commit])]
        return {
            "_id": "0", "id": self.name, "modelId": self.name, "sha": commit, "private": self.private,
            "gated": self.gated, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings,
            "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip


class FakeHub:
    """The server and what it holds. `tokens` says who a token is and whether it may write."""

    def __init__(self):
        self.tokens = {"hf_write": ("ada", True), "hf_read": ("ada", False), "hf_other": ("eve", True)}
        self.reset()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        """Forgets everything. `failing` is (method, pattern) to the status it is answered with, once; 0 hangs up."""
        self.repositories, self.stored, self.jobs, self.requests, self.failing = {}, {}, [], [], {}
        self.exchanged = {}
        """Path to the content that is sent instead of what was stored."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, name, files, kind="models", **options):
        """A repository with these files in its second commit."""
        repository = self.repositories[kind, name] = Repository(kind, name, **options)
        repository.commit(files, "files")
        return repository

    def find(self, kind, name, user):
        """A repository as its visitors see it: a private one is not there for others."""
        repository = self.repositories.get((kind, name))
        if repository is None or (repository.private and user != name.split("/")[0]):
            raise RefusalError(404 if user else 401, "RepoNotFound", "Repository not found")
        return repository


class Handler(BaseHTTPRequestHandler):
    """One request: who asks, what for, and the answer as JSON."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else self.chunks()
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        self.query = parse_qs(urlsplit(self.path).query)
        try:
            for (method, pattern), status in list(self.hub.failing.items()):
                if self.command == method and fnmatch.fnmatch(path, pattern):
                    del self.hub.failing[method, pattern]
                    raise RefusalError(status, "", "This was planned")
            for method, pattern, answer in ROUTES:
                match = re.fullmatch(pattern, path)
                if match and self.command in method.split("|"):
                    return answer(self, body, *match.groups())
            raise RefusalError(404, "", f"Nothing at {path}")
        except RefusalError as refused:
            if not refused.status:
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
            headers = {"X-Error-Code": refused.code} if refused.code else {}
            return self.answer({"error": refused.message}, refused.status, headers | {"X-Error-Message": str(refused)})

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815 - the names are the library's

    def chunks(self):
        """A body sent in chunks."""
        parts = []
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        return b"".join(parts)

    def answer(self, value, status=200, headers=()):
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    # ---- who ---------------------------------------------------------------------------------------------------------

    @property
    def user(self):
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise RefusalError(401, "", "Invalid user token.")
        return self.hub.tokens[token][0] if token else ""

    def writer(self, owner):
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not self.user:
            raise RefusalError(401, "", "Log in first.")
        if self.user != owner or not self.hub.tokens[token][1]:
            raise RefusalError(403, "", f"You don't have the rights for the namespace {owner}.")
        return self.user

    def repository(self, kind, name):
        return self.hub.find(kind, name, self.user)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def root(self, body):
        self.answer(b"")

    def whoami(self, body):
        if not self.user:
            raise RefusalError(401, "", "Log in first.")
        self.answer({"name": self.user, "type": "user", "auth": {"accessToken": {"role": "write"}}, "orgs": []})

    def create(self, body):
        asked = json.loads(body)
        kind = f"{asked.get('type') or 'model'}s"
        owner = asked.get("organization") or self.user
        name = f"{owner}/{asked['name']}"
        self.writer(owner)
        if (kind, name) in self.hub.repositories:
            return self.answer({"error": "You already created this repo", "url": f"{self.hub.url}/{name}"}, 409)
        private = asked.get("visibility", "private" if asked.get("private") else "public") == "private"
        self.hub.repositories[kind, name] = Repository(kind, name, private=private)
        self.answer({"url": f"{self.hub.url}/{'spaces/' * (kind == 'spaces')}{name}", "name": name})

    def validate(self, body):
        import yaml

        asked = json.loads(body)
        try:
            values = yaml.safe_load(asked["content"].split("---\n")[1])
            if asked["repoType"] == "space":
                assert values["sdk"] == "gradio" and len(values["short_description"]) <= 60
            else:
                assert isinstance(values["license"], str) and isinstance(values["model-index"][0]["results"], list)
        except (IndexError, KeyError, AssertionError, yaml.YAMLError) as error:
            return self.answer({"errors": [{"message": str(error)}], "warnings": []}, 400)
        self.answer({"errors": [], "warnings": []})

    def info(self, body, kind, name, revision="main"):
        repository = self.repository(kind, name)
        self.answer(repository.describe(repository.at(revision)))

    def entry(self, path, content):
        large = {"lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}}
        record = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
        return record | (large if is_large(path) else {})

    def tree(self, body, kind, name, revision, folder=""):
        repository = self.repository(kind, name)
        files = repository.commits[repository.at(revision)]
        below = {path: content for path, content in files.items() if path.startswith(folder + "/" * bool(folder))}
        if folder and not below:
            raise RefusalError(404, "EntryNotFound", "Entry not found")
        entries = [self.entry(path, content) for path, content in sorted(below.items())]
        folders = {"/".join(path.split("/")[:i]) for path in below for i in range(1, path.count("/") + 1)}
        entries += [{"type": "directory", "path": path, "size": 0, "oid": "0"} for path in sorted(folders - {folder})]
        if self.query.get("recursive", ["false"])[0].lower() not in ("true", "1"):
            depth = folder.count("/") + bool(folder)
            entries = [entry for entry in entries if entry["path"].count("/") == depth]
        self.answer(entries)

    def paths(self, body, kind, name, revision):
        repository = self.repository(kind, name)
        files = repository.commits[repository.at(revision)]
        asked = json.loads(body) if body[:1] == b"{" else parse_qs(body.decode())
        wanted = asked["paths"] if isinstance(asked["paths"], list) else [asked["paths"]]
        entries = [self.entry(path, files[path]) for path in wanted if path in files]
        folders = [path for path in wanted if any(file.startswith(path + "/") for file in files)]
        self.answer(entries + [{"type": "directory", "path": path, "size": 0, "oid": "0"} for path in folders])

    def preupload(self, body, kind, name, revision):
        repository = self.repository(kind, name)
        self.writer(name.split("/")[0])
        files, answer = repository.commits[repository.at(revision)], []
        for asked in json.loads(body)["files"]:
            path, large = asked["path"], is_large(asked["path"])
            old = files.get(path)
            oid = None if old is None else hashlib.sha256(old).hexdigest() if large else blob_id(old)
            entry = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            answer.append(entry | ({"oid": oid} if oid else {}))
        self.answer({"files": answer})

    def batch(self, body, kind, name):
        self.writer(name.split("/")[0])
        objects = [{"oid": entry["oid"], "size": entry["size"]} for entry in json.loads(body)["objects"]]
        for item in objects:
            if item["oid"] not in self.hub.stored:
                item["actions"] = {"upload": {"href": f"{self.hub.url}/large/{item['oid']}"}}
        self.answer({"transfer": "basic", "objects": objects})

    def large(self, body, oid):
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.stored[oid] = body
        self.answer(b"")

    def commit(self, body, kind, name, revision):
        repository = self.repository(kind, name)
        self.writer(name.split("/")[0])
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit", repository.head) != repository.head:
            raise RefusalError(412, "", "A commit has happened since.")
        changes = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                changes[value["path"]] = self.hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                changes[value["path"]] = None
        done = repository.commit(changes, header["summary"])
        self.answer({"success": True, "commitOid": done, "commitUrl": f"{self.hub.url}/{name}/commit/{done}"})

    def resolve(self, body, kind, name, revision, path):
        repository = self.repository(kind or "models", name)
        if repository.gated and self.user != name.split("/")[0]:
            raise RefusalError(403, "GatedRepo", "Access to this repository is restricted.")
        commit = repository.at(revision)
        content = self.hub.exchanged.get(path, repository.commits[commit].get(path))
        headers = {"X-Repo-Commit": commit}
        if content is None:
            headers |= {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
            return self.answer({"error": "Entry not found"}, 404, headers)
        etag = hashlib.sha256(content).hexdigest() if is_large(path) else blob_id(content)
        headers |= {"ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if is_large(path):
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked:
            start, end = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            return self.answer(content[start : end + 1], 206, headers)
        self.answer(content, 200, headers)

    def job(self, body, owner):
        self.writer(owner)
        asked = json.loads(body)
        if asked["flavor"] == "a100x800":
            raise RefusalError(400, "", "flavor: invalid enum value")
        self.hub.jobs.append(asked)
        reply = {"id": f"job{len(self.hub.jobs)}", "owner": {"id": "1", "name": owner, "type": "user"}}
        secrets = sorted(asked.get("secrets", {}))  # the hub tells the names of secrets only
        self.answer(
            reply | {"status": {"stage": "RUNNING", "message": None}, "flavor": asked["flavor"], "secrets": secrets}
        )


def is_large(path):
    return any(fnmatch.fnmatch(path, pattern) for pattern in LARGE)


REPO = f"/api/{KINDS}/{NAME}"
ROUTES = [
    ("GET|HEAD", "/?", Handler.root),
    ("GET", "/api/whoami-v2", Handler.whoami),
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate),
    ("POST", r"/api/jobs/([\w.-]+)", Handler.job),
    ("GET", REPO, Handler.info),
    ("GET", rf"{REPO}/revision/(.+)", Handler.info),
    ("GET", rf"{REPO}/tree/([^/]+)/?(.*)", Handler.tree),
    ("POST", rf"{REPO}/paths-info/(.+)", Handler.paths),
    ("POST", rf"{REPO}/preupload/(.+)", Handler.preupload),
    ("POST", rf"{REPO}/commit/(.+)", Handler.commit),
    ("POST", rf"/(?:(datasets|spaces)/)?{NAME}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", "/large/([0-9a-f]+)", Handler.large),
    ("GET|HEAD", rf"/(?:(datasets|spaces)/)?{NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]
