#!/usr/bin/python3
"""Agreement of cell vectors with labels that they have not seen, beside principal components: means over seeds, as a table in Markdown.

usage: bench/vectors.py FILE.h5ad... [--label label] [--seeds 0,3,4] [--dropout 0.5,0.8] [--folder vectors] [--cellcast "./cellcast"] [--threads 1] -- [options of pretrain]

For every file and seed: scrobust pretrain, then scrobust embed --label twice, with the vectors mapped as pretrain learned to and as the network makes them (--map false; left out where nothing was
learned). Encoders stay in the folder and are used again by the next call: give another folder with other options. Figures are adjusted Rand index / normalised mutual information.
"""
import argparse, json, os, shlex, subprocess, sys
from collections import defaultdict

given, extra = (sys.argv[1:], []) if '--' not in sys.argv else (sys.argv[1:sys.argv.index('--')], sys.argv[sys.argv.index('--') + 1:])
p = argparse.ArgumentParser()
p.add_argument('files', nargs='+')
p.add_argument('--label', default='label')
p.add_argument('--seeds', default='0,3,4')
p.add_argument('--dropout', default='0.5,0.8')
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
    result = run('embed', '--model', encoder, '--cells', file, '--label', a.label, '--dropout', a.dropout, '--seed', seed, '--out', os.path.join(a.folder, 'embedded.h5ad'), '--overwrite', *more)
    return {(c['removed'], name if c['vectors'] == 'scrobust' else c['vectors']): c for c in result['comparison']}


os.makedirs(a.folder, exist_ok=True)
print('| file | genes removed | | purity | k-means | Leiden | best Leiden |\n|---|---|---|---|---|---|---|', flush=True)
for file in a.files:
    stem, found = os.path.basename(file).removesuffix('.h5ad'), defaultdict(list)
    for seed in a.seeds.split(','):
        encoder = os.path.join(a.folder, f'{stem}_{seed}')
        if not os.path.exists(os.path.join(encoder, 'metrics.json')):
            run('pretrain', '--cells', file, '--seed', seed, '--out', encoder, '--overwrite', *extra)
        with open(os.path.join(encoder, 'metrics.json'), encoding='utf-8') as f:
            mapped = json.load(f)['mapped']
        tables = [compared(file, seed, encoder, 'vectors')] + ([compared(file, seed, encoder, 'network alone', '--map', 'false')] if mapped else [])
        for key, c in {k: v for t in tables for k, v in t.items()}.items():
            found[key].append([c['neighbor_purity'], *(c[g][m] for g in ('kmeans', 'leiden', 'leiden_best') for m in ('ari', 'nmi'))])
    for (removed, name), rows in sorted(found.items(), key=lambda kv: (kv[0][0], ['vectors', 'network alone', 'PCA', 'PCA, fitted again'].index(kv[0][1]))):
        mean = [f'{sum(column) / len(rows):.3f}'.removeprefix('0') for column in zip(*rows)]
        print(f'| {stem} | {removed:.0%} | {name} | {mean[0]} | {mean[1]} / {mean[2]} | {mean[3]} / {mean[4]} | {mean[5]} / {mean[6]} |', flush=True)
