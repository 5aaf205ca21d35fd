#!/usr/bin/python3
"""Time, peak memory and kNN purity of cellcast scrobust pretrain and embed on simulated accessibility: 5,000 cells x 100,000 peaks of 0 and 1, about 3,000 of them open in a cell.

usage: bench/peaks.py [--cells 5000] [--peaks 100000] [--open 3000] [--types 8] [--marked 0.02] [--fold 4] [--folder DIR] [--cellcast "./cellcast"] [--keep] -- [options of pretrain]

Peaks differ in how often they are open (log-normal), cells in how deeply they are sequenced. Every type has a share of the peaks (--marked) that is so many times (--fold) as open as elsewhere.
Prints a table in Markdown and the comparison that embed --label prints. The file takes about 100 MB and is removed unless --keep.
"""
import argparse, json, os, shlex, shutil, subprocess, sys, time
import h5py
import numpy as np

given, extra = (sys.argv[1:], []) if '--' not in sys.argv else (sys.argv[1:sys.argv.index('--')], sys.argv[sys.argv.index('--') + 1:])
p = argparse.ArgumentParser()
p.add_argument('--cells', type=int, default=5_000)
p.add_argument('--peaks', type=int, default=100_000)
p.add_argument('--open', type=int, default=3_000)
p.add_argument('--types', type=int, default=8)
p.add_argument('--marked', type=float, default=0.01)
p.add_argument('--fold', type=float, default=3)
p.add_argument('--folder', default='peaks')
p.add_argument('--cellcast', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cellcast'))
p.add_argument('--keep', action='store_true')
a = p.parse_args(given)


def write(path):
    """An h5ad file of 0 and 1, with obs['type']; returns the mean number of open peaks."""
    random = np.random.default_rng(0)
    rate = random.lognormal(0, 1.2, a.peaks)
    rates = np.tile(rate / rate.sum(), (a.types, 1))
    for t in range(a.types):
        rates[t, random.random(a.peaks) < a.marked] *= a.fold
    kind = random.integers(a.types, size=a.cells)
    depth = a.open * 1.06 * random.lognormal(0, 0.4, a.cells) / np.exp(0.08)
    rows = [np.flatnonzero(random.random(a.peaks, np.float32) < -np.expm1(-d * rates[t])).astype(np.int32) for d, t in zip(depth, kind)]
    pointers = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    text = h5py.string_dtype()
    with h5py.File(path, 'w') as f:
        f.attrs.update({'encoding-type': 'anndata', 'encoding-version': '0.1.0'})
        x = f.create_group('X')
        x.attrs.update({'encoding-type': 'csr_matrix', 'encoding-version': '0.1.0', 'shape': np.array([a.cells, a.peaks])})
        x.create_dataset('data', data=np.ones(pointers[-1], np.float32), compression='gzip', compression_opts=1)
        x.create_dataset('indices', data=np.concatenate(rows), compression='gzip', compression_opts=1)
        x.create_dataset('indptr', data=pointers.astype(np.int64))
        for frame, names in (('obs', [f'cell{i}' for i in range(a.cells)]), ('var', [f'chr1:{1000 * i}-{1000 * i + 500}' for i in range(a.peaks)])):
            g = f.create_group(frame)
            g.attrs.update({'encoding-type': 'dataframe', 'encoding-version': '0.2.0', '_index': '_index'})
            g.attrs.create('column-order', ['type'] if frame == 'obs' else np.array([], dtype=object), dtype=text)
            g.create_dataset('_index', data=names, dtype=text).attrs.update({'encoding-type': 'string-array', 'encoding-version': '0.2.0'})
        f['obs'].create_dataset('type', data=[f'type {t}' for t in kind], dtype=text).attrs.update({'encoding-type': 'string-array', 'encoding-version': '0.2.0'})
    return pointers[-1] / a.cells


def run(*arguments):
    """Wall seconds, processor seconds, the peak of resident memory in MB, and what the command said."""
    start = time.perf_counter()
    child = subprocess.Popen(shlex.split(a.cellcast) + list(map(str, arguments)), stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f'failed: {" ".join(map(str, arguments))}')
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, said


os.makedirs(a.folder, exist_ok=True)
file, encoder, embedded = (os.path.join(a.folder, n) for n in ('peaks.h5ad', 'encoder', 'embedded.h5ad'))
opened = write(file)
print(f'{a.cells:,} cells x {a.peaks:,} peaks, {opened:,.0f} open in a cell, {a.types} types, {os.path.getsize(file) / 1e6:,.0f} MB', flush=True)
table = []
for name, arguments in (('pretrain', ['--cells', file, '--out', encoder, '--overwrite', *extra]),
                        ('embed', ['--model', encoder, '--cells', file, '--out', embedded, '--overwrite']),
                        ('embed --label', ['--model', encoder, '--cells', file, '--out', embedded, '--overwrite', '--label', 'type'])):
    wall, processor, memory, said = run('scrobust', name.split()[0], *arguments, '--quiet', '--json')
    table.append(f'| {name} | {wall:,.1f} | {processor:,.1f} | {memory:,.0f} |')
    print('\n'.join(said.splitlines()[:-1]), flush=True)
print('| | seconds | processor seconds | peak memory, MB |\n|---|---|---|---|\n' + '\n'.join(table))
with open(os.path.join(encoder, 'metrics.json'), encoding='utf-8') as f:
    print(f'encoder.safetensors: {os.path.getsize(os.path.join(encoder, "encoder.safetensors")) / 1e6:,.0f} MB;', 'stages:', json.dumps(json.load(f).get('stages')))
if not a.keep:
    shutil.rmtree(a.folder)
