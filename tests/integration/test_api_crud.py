def test_hello(world):
    u = world.user()
    a = u.app()
    j = u.jobs(a, 3)
    site = u.get("/sites/")["results"][0]["id"]
    s = u.session(site)
    got = u.acquire(s, 2)
    assert len(got) == 2
    u.finish(s, *got)
    assert u.states(*j) == ["JOB_FINISHED", "JOB_FINISHED", "PREPROCESSED"]
    with u.stream() as st:
        u.delete(f"/jobs/{j[2]}")
        from world import until
        until(lambda: st.events)
    print(st.events)
