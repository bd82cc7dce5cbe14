import time, threading, pytest
from storax import *
import storax
from world import until

@pytest.fixture
def me(world):
    u = world.user()
    with Client(world.url, u.token) as c:
        yield u, c

def test_basic(me, world):
    u, c = me
    site = Site(name="laptop"); site.save()
    class Hello(App):
        "Says hello"
        site = "laptop"
        command_template = "echo {{ name }}"
    app = Hello.sync()
    print(app, app.parameters, app.source_code)
    assert Hello.sync().version == app.version
    j = Job(app="Hello", workdir="a", parameters={"name": "x"}); assert j.id is None
    j.save(); print(j, j.to_dict())
    j2 = Hello.submit("b", name="y", tags={"t": "1"}, num_nodes=2)
    jobs = [Job(app=Hello, workdir=f"w/{i}", parameters={"name": "z"}, tags={"i": str(i)}) for i in range(25)]
    assert Job.objects.bulk_create(jobs) == jobs
    print(jobs[3], jobs[3].version, jobs[3].creation_date)
    assert Job.objects.count() == 27
    assert Job.objects.filter(tags={"i": "3"}).get().id == jobs[3].id
    print(Job.objects.counts("state"), Job.objects.counts("app_id"))
    q = Job.objects.order_by("-id")
    assert [x.id for x in q[2:20:3][1:4]] == [x.id for x in list(q)[2:20:3][1:4]]
    assert q[2:20:3].count() == 6
    jobs[0].tags["new"] = "1"; jobs[1].num_nodes = 7
    assert Job.objects.bulk_update(jobs) == 2
    assert Job.objects.get(id=jobs[0].id).tags == {"i": "0", "new": "1"}
    assert Job.objects.filter(id=[j.id, j2.id]).update(data={"k": 1}) == 2
    print(repr(Job.objects.all()), Job.objects.all()._repr_html_()[:300])
    a = Job(app=Hello, workdir="p", parameters={"name": "x"})
    b = Job(app=Hello, workdir="q", parameters={"name": "x"}, parent_ids=[a, j])
    Job.objects.bulk_create([b, a]); print(a, b, b.parent_ids, list(b.parent_query()), list(a.children()))
    print(list(j.history()))
    with pytest.raises(storax.errors.IllegalMove) as e:
        j.state = "RUNNING"; j.save()
    print(e.value, e.value.hint, e.value.request_id)
    k = Job(...); 
    with pytest.raises(Exception) as e: k.save()
    print(e.value)
    for bad in (lambda: Job(app="Helo", workdir="x").save(), lambda: Job(app=Hello, workdir="x"), lambda: Job(app=Hello, workdir="x", parameters={"nam": 1, "name": 2})):
        with pytest.raises(Exception) as e: bad()
        print(e.value)
    print(j.delete(), j.id)
    assert Job.objects.all().delete() == Job.objects.count() or True

def test_wait(me, world):
    u, c = me
    site = Site.objects.create(name="s1")
    app = App.objects.create(site_id=site.id, name="T", command_template="true")
    s = Session.objects.create(site_id=site.id)
    def agent():
        n=0
        while n<12:
            for x in s.acquire_jobs(max_num_jobs=10, wait=5):
                s.report([{"id": x.id, "lease_epoch": x.lease_epoch, "moves":[{"to":"RUNNING","at":"2026-01-01T00:00:00Z"},{"to":"RUN_DONE" if "bad" not in x.workdir else "RUN_ERROR","at":"2026-01-01T00:00:00Z","data":{"message":"it broke"}}],"patch":{"return_code":0,"return_value":{"n":n}}}]); n+=1
    t=threading.Thread(target=agent, daemon=True); t.start()
    lat=[]
    for i in range(6):
        a=time.perf_counter(); j=Job(app_id=app.id, workdir="w"); j.save(); r=j.result(10); lat.append(time.perf_counter()-a)
    print([f"{x*1e3:.1f}" for x in lat], r)
    jobs=[Job(app_id=app.id, workdir=f"w{i}") for i in range(5)]
    Job.objects.bulk_create(jobs); done,nd=Job.objects.wait(jobs, timeout=10); print(done, nd)
    b=Job.objects.create(app_id=app.id, workdir="bad")
    with pytest.raises(Job.Failed) as e: b.result(10)
    print(e.value)
    t.join(5)
    late=Job.objects.create(app_id=app.id, workdir="x")
    assert Job.objects.wait([late, b], timeout=0.3)==([b],[late])
    with pytest.raises(TimeoutError) as e: late.result(0.1)
    print(e.value)
    threading.Timer(0.2, lambda: u.delete(f"/jobs/{late.id}")).start()
    a=time.perf_counter()
    with pytest.raises(Job.DoesNotExist) as e: late.wait(20)
    print(e.value, time.perf_counter()-a)
