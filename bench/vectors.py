#!/usr/bin/python3
"""Agreement of cell vectors with labels that they have not seen, beside principal components: means over seeds with their standard errors, as a table in Markdown.

usage: bench/vectors.py FILE.h5ad... [--label label] [--seeds 0,3,4] [--dropout 0.5,0.8] [--clusterings 10] [--alone] [--folder vectors] [--cellcast "./cellcast"] [--threads 1] -- [options of pretrain]

For every file and seed: scrobust pretrain, then scrobust embed --label, with --alone once more with the vectors as the network makes them (--map false). k-means and Leiden move by .03 to .1 with their own seed:
they are run --clusterings times for every seed. The standard error is that of the mean over seeds, each with another encoder, other genes removed and other clusterings (PCA with all genes: other clusterings only).
Encoders stay in the folder and are used again by the next call: give another folder with other options. Figures are adjusted Rand index (with its error) / normalised mutual information.
"""
import argparse, json, math, os, shlex, statistics, subprocess, sys
from collections import defaultdict

given, extra = (sys.argv[1:], []) if '--' not in sys.argv else (sys.argv[1:sys.argv.index('--')], sys.argv[sys.argv.index('--') + 1:])
p = argparse.ArgumentParser()
p.add_argument('files', nargs='+')
p.add_argument('--label', default='label')
p.add_argument('--seeds', default='0,3,4')
p.add_argument('--dropout', default='0.5,0.8')
p.add_argument('--clusterings', default='10')
p.add_argument('--alone', action='store_true')
p.add_argument('--folder', default='vectors')
p.add_argument('--cellcast', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cellcast'))
p.add_argument('--threads', default='1')
a = p.parse_args(given)


def run(*arguments):
    """The last line of what the command says, its result for programs."""
    done = subprocess.run(shlex.split(a.cellcast) + ['scrobust', *map(str, arguments), '--threads', a.threads, '--quiet', '--json'], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f'failed: {" ".join(map(str, arguments))}')
    return json.loads(done.stdout.strip().splitlines()[-1])


def compared(file, seed, encoder, name, *more):
    """Figures by (removed, vectors); the encoder's own go by the given name."""
    result = run('embed', '--model', encoder, '--cells', file, '--label', a.label, '--dropout', a.dropout, '--clusterings', a.clusterings, '--seed', seed, '--out', os.path.join(a.folder, f'{stem}_{seed}.h5ad'), '--overwrite', *more)
    return {(c['removed'], name if c['vectors'] == 'scrobust' else c['vectors']): c for c in result['comparison']}


def short(x):
    return f'{x:.3f}'.replace('0.', '.', 1)


os.makedirs(a.folder, exist_ok=True)
print('| file | genes removed | | purity | k-means | Leiden | best Leiden |\n|---|---|---|---|---|---|---|', flush=True)
for file in a.files:
    stem, found = os.path.basename(file).removesuffix('.h5ad'), defaultdict(list)
    for seed in a.seeds.split(','):
        encoder = os.path.join(a.folder, f'{stem}_{seed}')
        if not os.path.exists(os.path.join(encoder, 'metrics.json')):
            run('pretrain', '--cells', file, '--seed', seed, '--out', encoder, '--overwrite', *extra)
        tables = [compared(file, seed, encoder, 'vectors')] + ([compared(file, seed, encoder, 'network alone', '--map', 'false')] if a.alone else [])
        for key, c in {k: v for t in tables for k, v in t.items()}.items():
            found[key].append([c['neighbor_purity'], *(c[g][m] for g in ('kmeans', 'leiden', 'leiden_best') for m in ('ari', 'nmi'))])
    for (removed, name), rows in sorted(found.items(), key=lambda kv: (kv[0][0], ['vectors', 'network alone', 'PCA', 'PCA, fitted again'].index(kv[0][1]))):
        m = [short(statistics.fmean(column)) for column in zip(*rows)]
        e = [f' ± {short(statistics.stdev(column) / math.sqrt(len(rows)))}' if len(rows) > 1 else '' for column in zip(*rows)]
        print(f'| {stem} | {removed:.0%} | {name} | {m[0]}{e[0]} | {m[1]}{e[1]} / {m[2]} | {m[3]}{e[3]} / {m[4]} | {m[5]}{e[5]} / {m[6]} |', flush=True)
