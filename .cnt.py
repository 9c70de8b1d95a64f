from acpool_spec.scopes import family
import time
def n(**k):
    t=time.process_time(); c=sum(1 for _ in family(**k)); return c, round(time.process_time()-t,2)
one=dict(slots=(1,),modes=('fifo',),faults=(0,),cancellations=(0,))
print('2x1', n(clients=(2,),length=1,**one), [n(clients=(2,),keys=(k,),length=1,**one) for k in (1,2)])
print('3x1', n(clients=(3,),length=1,**one), [n(clients=(3,),keys=(k,),length=1,**one) for k in (1,2,3)])
print('2x2', n(clients=(2,),length=2,**one), [n(clients=(2,),keys=(k,),length=2,**one) for k in (1,2,3)])
print('2x3 1key', n(clients=(2,),keys=(1,),length=3,**one))
for s in family(clients=(2,),length=1,**one): print(s.name, end='  ')
