#!/usr/bin/python3
"""Time and peak memory of cellcast on ten thousand, a hundred thousand, a million cells: simulate, scsurv fit, scsurv uncertainty.

usage: bench/million_cells.py [CELLS ...] [--folder DIR] [--epochs 2] [--draws 100] [--cellcast "./cellcast"] [--keep] -- [options of scsurv fit]

Prints a table in Markdown. Each size takes about 800 bytes of disk per cell and patient's share of 4 bytes; files are removed unless --keep.
Full training takes as many epochs as early stopping lets it; a fixed number of them is what can be compared between sizes.
"""
import argparse, datetime, json, os, re, shlex, shutil, subprocess, sys, time

given, extra = (sys.argv[1:], []) if '--' not in sys.argv else (sys.argv[1:sys.argv.index('--')], sys.argv[sys.argv.index('--') + 1:])
p = argparse.ArgumentParser()
p.add_argument('cells', nargs='*', type=int, default=[10_000, 100_000, 1_000_000])
p.add_argument('--folder', default='million')
p.add_argument('--epochs', type=int, default=2)
p.add_argument('--draws', type=int, default=100)
p.add_argument('--cellcast', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cellcast'))
p.add_argument('--keep', action='store_true')
a = p.parse_args(given)


def run(*arguments):
    """Wall seconds, processor seconds, and the peak of resident memory in MB of one command."""
    start = time.perf_counter()
    child = subprocess.Popen(shlex.split(a.cellcast) + list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f'failed: {" ".join(map(str, arguments))}')
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def moments(log):
    """What the run's log says happened when, in seconds from its start."""
    lines = [re.match(r'(\S+Z)\s+\w+\s+(.*)', l) for l in open(log, encoding='utf-8')]
    lines = [(datetime.datetime.fromisoformat(m[1].replace('Z', '+00:00')).timestamp(), m[2]) for m in lines if m]
    start = lines[0][0]
    return [(t - start, text) for t, text in lines]


def first(log, text, otherwise=float('nan')):
    return next((t for t, line in log if text in line), otherwise)


rows = []
for n in a.cells:
    study, fit = os.path.join(a.folder, f'study{n}'), os.path.join(a.folder, f'fit{n}')
    # A median depth of 770 counts leaves 10 % of 5,000 genes above zero.
    made = run('simulate', '--cells', n, '--genes', 5000, '--cell-depth', 770, '--out', study, '--overwrite')
    fitted = run('scsurv', 'fit', '--reference', f'{study}/simulated_cells.h5ad', '--bulk', f'{study}/simulated_bulk.h5ad', '--batch', 'sample', '--label', 'label',
                 '--max-epochs', a.epochs, '--draws', a.draws, '--out', fit, '--overwrite', *extra)
    uncertain = run('scsurv', 'uncertainty', fit, '--out', f'{fit}-uncertainty', '--overwrite')
    log, stages = moments(f'{fit}/run.log'), {s['name']: s for s in json.load(open(f'{fit}/metrics.json'))['stages']}
    averaging, learning, end = first(log, 'averaging '), first(log, 'learning contributions', log[-1][0]), log[-1][0]
    rows.append({
        'cells': f'{n:,}', 'file, MB': f"{os.path.getsize(f'{study}/simulated_cells.h5ad') / 1e6:,.0f}", 'simulate, s': f'{made[0]:,.0f}', 'simulate, MB': f'{made[2]:,.0f}',
        'read and pack, s': f"{first(log, 'counts of the cells'):,.1f}",
        **{f'epoch of {k}, s': f"{s['seconds'] / s['epochs']:,.2f}" for k, s in stages.items() if s['epochs']},
        'shares, s': f'{learning - averaging:,.0f}', 'contributions and results, s': f'{end - learning:,.0f}', 'whole fit, s': f'{fitted[0]:,.0f}', 'processor, s': f'{fitted[1]:,.0f}', 'peak memory, MB': f'{fitted[2]:,.0f}',
        'uncertainty, s': f'{uncertain[0]:,.0f}', 'its processor, s': f'{uncertain[1]:,.0f}', 'its memory, MB': f'{uncertain[2]:,.0f}',
    })
    if not a.keep:
        shutil.rmtree(study), shutil.rmtree(fit), shutil.rmtree(f'{fit}-uncertainty')
    columns = list(rows[0])
    print('\n| ' + ' | '.join(columns) + ' |\n|' + '---|' * len(columns))
    for r in rows:
        print('| ' + ' | '.join(r.get(c, '') for c in columns) + ' |', flush=True)
print(f'\nmachine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; {a.epochs} epochs per stage, {a.draws} posterior draws')
