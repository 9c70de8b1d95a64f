from acpool_spec import choose, explore, happens
import asyncio
async def sc():
    async def c():
        try: await happens("x")
        finally: choose((1,2,3))
    async def d():
        await happens("y"); await happens("z")
    await asyncio.gather(c(),d(),d())
r=explore(sc); print(r.verdict,r.why,r.executions)
