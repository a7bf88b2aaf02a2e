import json
def test_smoke(place):
    import time
    t=time.time()
    print(place.suite("push","first" if False else place.run))
    print(time.time()-t)
    for (k,n),r in place.hub.repositories.items():
        print(k,n,r.private,sorted(r.files), list(r.messages.values()))
        print(r.files["README.md"].decode())
        print(r.files["config.yaml"].decode()[:400]); print(r.files["environment.json"].decode()); print(r.files.get("adapter/adapter_config.json",b"").decode()[:700])
    print(place.hub.requests)
