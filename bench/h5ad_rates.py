#!/usr/bin/python3
"""Reading and writing of an h5ad file: cellcast beside h5py and anndata on the same file and machine.

usage: bench/h5ad_rates.py FILE.h5ad [--cellcast "./cellcast"] [--threads N]

X must be stored as compressed rows. Everything is in the page cache from a first pass; the best of two runs counts.
"""
import argparse, json, os, shlex, subprocess, sys, tempfile, time, warnings

p = argparse.ArgumentParser()
p.add_argument('file')
p.add_argument('--cellcast', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cellcast'))
p.add_argument('--threads', default=str(os.cpu_count()))
a = p.parse_args()
warnings.simplefilter('ignore')
import anndata, h5py


def best(work):
    runs = []
    for _ in range(2):
        start, processor = time.perf_counter(), time.process_time()
        result = work()
        runs.append((time.perf_counter() - start, time.process_time() - processor))
    return min(runs), result


def raw():
    with h5py.File(a.file, 'r') as f:
        for name in ('data', 'indices', 'indptr'):
            f['X'][name][:]


with h5py.File(a.file, 'r') as f:
    stored = f['X']['data'].shape[0]
theirs = {}
theirs['h5py: X/data, X/indices, X/indptr'], _ = best(raw)
theirs['anndata.read_h5ad'], data = best(lambda: anndata.read_h5ad(a.file))
with tempfile.TemporaryDirectory() as d:
    out = os.path.join(d, 'out.h5ad')
    theirs["anndata.write_h5ad(compression='gzip')"], _ = best(lambda: data.write_h5ad(out, compression='gzip'))
    theirs['anndata.write_h5ad (uncompressed)'], _ = best(lambda: data.write_h5ad(out))
del data
said = subprocess.run(shlex.split(a.cellcast) + ['bench', '--part', 'h5ad', '--file', a.file, '--json', '--quiet', '--threads', a.threads], capture_output=True, text=True)
if said.returncode != 0:
    sys.exit(said.stderr)
ours = {t['Name']: (t['Seconds'], t['ProcessorSeconds']) for t in json.loads(said.stdout.strip().split('\n')[-1])['h5ad']}

mb = 8e-6 * stored
print(f'{os.path.basename(a.file)}: {stored:,} stored values, {mb:,.0f} MB unpacked, {os.path.getsize(a.file) / 1e6:,.0f} MB on disk; cellcast with {a.threads} threads\n')
print('| what | seconds | processor seconds | MB/s | times faster than h5py | times faster than anndata |')
print('|---|---|---|---|---|---|')
for name, (s, processor) in theirs.items():
    print(f'| {name} | {s:.2f} | {processor:.2f} | {mb / s:,.0f} | | |')
read, whole, write = (theirs[k][0] for k in list(theirs)[:3])
for name, (s, processor) in ours.items():
    h5py_ratio = f'{read / s:.1f}' if name.startswith('read') and 'write' not in name else ''
    anndata_ratio = write / s if name.startswith('write') else (whole + write) / s if 'write' in name else whole / s
    print(f'| cellcast: {name} | {s:.2f} | {processor:.2f} | {mb / s:,.0f} | {h5py_ratio} | {anndata_ratio:.1f} |')
