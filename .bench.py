import sys,time
sys.path.insert(0,'tests/exploration')
import importlib.util
spec=importlib.util.spec_from_file_location('tp','tests/exploration/test_pool.py'); m=importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
from acpool_spec import explore
from acpool_spec.quiet import quiet
for scripts,c in (((m.A,m.A),2),):
    t=time.process_time()
    with quiet(): r=explore(m.scope(*scripts),mode='fifo',cancellations=c,cancellable=m.is_client)
    d=time.process_time()-t
    print(r.verdict,r.executions,r.states,round(d,2),'exec/s',round(r.executions/d),'states/s',round(r.states/d), r.certificate.choice_points)
