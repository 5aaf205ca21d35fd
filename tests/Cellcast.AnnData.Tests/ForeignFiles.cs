using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>Files in all the dresses that other writers give them, and damaged ones, made once by h5py.</summary>
public sealed class ForeignFiles : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public ForeignFiles()
    {
        if (ExternalTool.IsPresent("h5py")) SampleData.Python(Script, _directory.Path);
    }

    public string this[string name] => _directory[name];

    public void Dispose() => _directory.Dispose();

    private const string Script = """
        import sys, h5py, numpy as np, os, gzip, shutil
        os.chdir(sys.argv[1])
        S = h5py.string_dtype()
        def mark(o, t, v):
            o.attrs['encoding-type'] = t; o.attrs['encoding-version'] = v
            return o
        def strings(g, name, values, **kw):
            return mark(g.create_dataset(name, data=np.array(values, dtype=object), dtype=S, **kw), 'string-array', '0.2.0')
        def array(g, name, values, **kw):
            return mark(g.create_dataset(name, data=values, **kw), 'array', '0.2.0')
        def frame(f, name, index, **columns):
            g = mark(f.create_group(name), 'dataframe', '0.2.0')
            g.attrs['_index'] = '_index'
            g.attrs['column-order'] = np.array(list(columns), dtype=object) if columns else np.array([])
            strings(g, '_index', index)
            for k, v in columns.items(): array(g, k, v)
            return g
        def start(name, n=3, m=2, X=True, **kw):
            f = h5py.File(name, 'w', **kw)
            mark(f, 'anndata', '0.1.0')
            frame(f, 'obs', ['c%d' % i for i in range(n)]); frame(f, 'var', ['g%d' % i for i in range(m)])
            if X: array(f, 'X', np.arange(n * m, dtype=np.float32).reshape(n, m))
            for k in ['layers', 'obsm', 'varm', 'obsp', 'varp', 'uns']: mark(f.create_group(k), 'dict', '0.1.0')
            return f
        def sparse(f, name, fmt, shape, data, indices, indptr, **kw):
            g = mark(f.create_group(name), fmt + '_matrix', '0.1.0')
            g.attrs['shape'] = shape
            g.create_dataset('data', data=data, **kw); g.create_dataset('indices', data=indices, **kw); g.create_dataset('indptr', data=indptr, **kw)
            return g
        def order(obs, names): obs.attrs.modify('column-order', np.array(names, dtype=object)) if False else (obs.attrs.__delitem__('column-order'), obs.attrs.create('column-order', np.array(names, dtype=object), dtype=S))
        def fixed(g, name, values, pad, size=8, cset=h5py.h5t.CSET_ASCII):
            t = h5py.h5t.C_S1.copy(); t.set_size(size); t.set_strpad(pad); t.set_cset(cset)
            d = h5py.h5d.create(g.id, name.encode(), t, h5py.h5s.create_simple((len(values),)))
            fill = b' ' if pad == h5py.h5t.STR_SPACEPAD else b'\0'
            raw = np.array([v.encode() + fill * (size - len(v.encode())) for v in values], dtype='S%d' % size)
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.frombuffer(b''.join(v.encode() + fill * (size - len(v.encode())) for v in values), dtype='V%d' % size), t)
            return g[name]

        # strings of fixed length in every padding, attributes of one element, numbers of every width and byte order
        with h5py.File('dress.h5ad', 'w') as f:
            for k, n in [('obs', 3), ('var', 2)]:
                g = f.create_group(k)
                g.attrs['encoding-type'] = np.array([b'dataframe'], dtype='S9'); g.attrs['encoding-version'] = np.array(['0.2.0'], dtype=object)
                g.attrs['_index'] = np.array([b'names'], dtype='S16')
                g.create_dataset('names', data=np.array([b'%s%d' % (k.encode(), i) for i in range(n)], dtype='S12'))
            o = f['obs']
            cols = {'i4be': np.array([1, -2, 3], '>i4'), 'u2be': np.array([65535, 2, 3], '>u2'), 'u8': np.array([2**63, 2, 3], 'u8'), 'f2': np.array([.5, 2, np.inf], '<f2'), 'f2be': np.array([.5, 2, -1], '>f2'), 'f4be': np.array([.1, 2, 3], '>f4'), 'f8be': np.array([.1, 2, 3], '>f8'), 'b': np.array([True, False, True])}
            for k, v in cols.items(): o.create_dataset(k, data=v)
            fixed(o, 'nullpad', ['abcdefgh', 'b', ''], h5py.h5t.STR_NULLPAD); fixed(o, 'nullterm', ['abc', 'b', ''], h5py.h5t.STR_NULLTERM); fixed(o, 'spacepad', ['a b', ' b', ''], h5py.h5t.STR_SPACEPAD)
            fixed(o, 'utf8', ['ü', '細', 'x'], h5py.h5t.STR_NULLPAD, cset=h5py.h5t.CSET_UTF8)
            d = o.create_dataset('latin', (3,), dtype='S4'); d[...] = np.array([b'\xfc', b'a', b'b'], 'S4')
            o.attrs['column-order'] = np.array([c.encode() for c in list(cols) + ['nullpad', 'nullterm', 'spacepad', 'utf8', 'latin', 'logical']], dtype='S12')
            t = h5py.h5t.enum_create(h5py.h5t.NATIVE_INT8)
            for name, v in [(b'FALSE', 0), (b'TRUE', 1), (b'NA', 2)]: t.enum_insert(name, v)
            d = h5py.h5d.create(o.id, b'logical', t, h5py.h5s.create_simple((3,))); d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 2, 0], np.int8), t)
            f.create_dataset('X', data=np.array([[1, 2], [3, 4], [5.5, 6]], '>f8'))
            f.create_dataset('uns/one', data='scalar'); f.create_dataset('uns/list', data=np.array(['a', 'b'], dtype=object), dtype=S)

        # sparse in every dress: 4 x 5, dense form D
        D = np.array([[0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [3, 0, 0, 0, 4], [0, 5, 6, 0, 0]], float)
        def with_sparse(name, *a, **kw):
            f = start(name, 4, 5, X=False); sparse(f, 'X', *a, **kw); f.close()
        with_sparse('csr.h5ad', 'csr', np.array([4, 5], 'i8'), np.array([1, 2, 3, 4, 5, 6], 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('csr_unsorted.h5ad', 'csr', np.array([4, 5], 'i4'), np.array([2, 1, 1, 4, 2, 6, 5], 'u1'), np.array([3, 1, 0, 4, 0, 2, 1], '>i8'), np.array([0, 2, 2, 5, 7], 'u4'), chunks=(3,), compression='gzip', shuffle=True)
        with_sparse('csc.h5ad', 'csc', np.array([4, 5], 'i8'), np.array([3, 5, 1, 6, 2, 4], 'i8'), np.array([2, 3, 0, 3, 0, 2], 'u8'), np.array([0, 1, 3, 4, 5, 6], 'i8'), chunks=(2,), compression='gzip')
        with_sparse('csc_repeats.h5ad', 'csc', np.array([4, 5], 'i8'), np.array([1, 2, 5, 1, 6, 2, 4], '>f8'), np.array([2, 2, 3, 0, 3, 0, 2], 'i4'), np.array([0, 2, 4, 5, 6, 7], 'i4'), compression='lzf')
        with_sparse('csr_bool.h5ad', 'csr', np.array([4, 5], 'i8'), np.array([True] * 6), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('csr_wide.h5ad', 'csr', np.array([4, 5], 'i8'), np.array([.1, 2, 3, 4, 5, 1e300], 'f8'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('csr_big_integers.h5ad', 'csr', np.array([4, 5], 'i8'), np.array([2**24 + 1, 2, 3, 4, 5, 2**60], 'i8'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('csr_too_big_integers.h5ad', 'csr', np.array([4, 5], 'i8'), np.array([2**60 + 1, 2, 3, 4, 5, 6], 'i8'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))

        # dense in every dress, 2-D chunks that do not divide the shape
        R = np.random.RandomState(0).poisson(1, (37, 53))
        for t in ['u1', '>i2', 'i8', '<f2', 'f4', '>f8', 'f8']:
            f = start('dense_%s.h5ad' % t.replace('>', 'be_').replace('<', ''), 37, 53, X=False); array(f, 'X', R.astype(t), chunks=(8, 10), compression='gzip', shuffle=True); f.close()
        f = start('dense_fletcher.h5ad', 37, 53, X=False); array(f, 'X', R.astype('f4'), chunks=(8, 10), compression='gzip', fletcher32=True); f.close()
        f = start('dense_lzf.h5ad', 37, 53, X=False); array(f, 'X', R.astype('f4'), chunks=(8, 10), compression='lzf', shuffle=True); f.close()
        f = start('dense_szip_like_gap.h5ad', 37, 53, X=False); d = mark(f.create_dataset('X', (37, 53), 'f4', chunks=(8, 10), compression='gzip', fillvalue=7), 'array', '0.2.0'); d[:16] = R[:16]; f.close()
        f = start('one_dimension.h5ad', 3, 1, X=False); array(f, 'X', np.array([1, 2, 3], 'f4')); f.close()

        # newer encodings and unknown ones
        f = start('new.h5ad'); o = f['obs']
        del o['_index']; g = mark(o.create_group('_index'), 'nullable-string-array', '0.1.0'); strings(g, 'values', ['x', 'y', 'z']); array(g, 'mask', np.zeros(3, bool))
        g = mark(o.create_group('ns'), 'nullable-string-array', '0.1.0'); strings(g, 'values', ['x', '', 'z']); array(g, 'mask', np.array([False, True, False])); g.attrs['na-value'] = 'NaN'
        g = mark(o.create_group('ni'), 'nullable-integer', '0.1.0'); array(g, 'values', np.array([1, 0, 3], 'i4'))
        g = mark(o.create_group('c'), 'categorical', '0.2.0'); g.attrs['ordered'] = False; array(g, 'codes', np.array([1, 0, 1], 'u1'))
        h = mark(g.create_group('categories'), 'nullable-string-array', '0.1.0'); strings(h, 'values', ['p', 'q']); array(h, 'mask', np.zeros(2, bool))
        g = mark(o.create_group('cn'), 'categorical', '0.2.0'); g.attrs['ordered'] = np.array([True]); array(g, 'codes', np.array([1, -1, 0], 'i2')); array(g, 'categories', np.array([10, 20], 'i8'))
        g = mark(o.create_group('cf'), 'categorical', '0.2.0'); g.attrs['ordered'] = False; array(g, 'codes', np.array([1, 1, 0], 'i1')); array(g, 'categories', np.array([1.0, 2.5]))
        order(o, ['ns', 'ni', 'c', 'cn', 'cf', 'odd'])
        mark(o.create_group('odd'), 'hologram', '9.9.9')
        mark(f['uns'].create_dataset('nothing', data=h5py.Empty('f')), 'null', '0.1.0')
        a = mark(f['obsm'].create_group('ragged'), 'awkward-array', '0.1.0'); a.attrs['form'] = '{}'; a.attrs['length'] = 3
        mark(f['uns'].create_group('future'), 'dict', '7.0.0')
        f['uns'].create_dataset('complex', data=np.array([1j, 2]))
        f['uns'].create_dataset('bytes', data=np.bytes_(b'raw'))
        f['uns/group/inner'] = 5
        f['uns'].attrs['x'] = 1
        f.close()

        # MuData: a user block before the HDF5 signature
        with h5py.File('mu.h5mu', 'w', userblock_size=512) as f:
            mark(f, 'MuData', '0.1.0'); f.attrs['axis'] = 0
            g = f.create_group('mod/rna'); mark(g, 'anndata', '0.1.0'); frame(g, 'obs', ['a', 'b']); frame(g, 'var', ['g']); array(g, 'X', np.ones((2, 1), 'f4'))
        with open('mu.h5mu', 'r+b') as f: f.write(b'MuData (format-version=0.1.0;creator=muon;creator-version=0.2)')

        # --- damaged ---
        with_sparse('bad_indptr_falls.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 4, 2, 4, 6], 'i4'))
        with_sparse('bad_indptr_last.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 9], 'i4'))
        with_sparse('bad_indptr_first.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([1, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_indptr_length.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 6], 'i4'))
        with_sparse('bad_indptr_overflow.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, -2147483648, 4, 6], 'i4'))
        with_sparse('bad_index_high.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 5, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_index_negative.h5ad', 'csc', np.array([4, 5]), np.ones(6, 'f4'), np.array([2, 3, 0, -3, 0, 2], 'i4'), np.array([0, 1, 3, 4, 5, 6], 'i4'))
        with_sparse('bad_index_huge.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 2**40, 1, 2], 'i8'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_lengths.h5ad', 'csr', np.array([4, 5]), np.ones(5, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_float_indices.h5ad', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'f4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_string_data.h5ad', 'csr', np.array([4, 5]), np.array([b'a'] * 6), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_shape_huge.h5ad', 'csr', np.array([4, 2**62]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        with_sparse('bad_shape_other.h5ad', 'csr', np.array([4, 6]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4'))
        f = start('bad_no_shape.h5ad', 4, 5, X=False); g = mark(f.create_group('X'), 'csr_matrix', '0.1.0'); f.close()
        f = start('bad_no_data.h5ad', 4, 5, X=False); g = mark(f.create_group('X'), 'csr_matrix', '0.1.0'); g.attrs['shape'] = np.array([4, 5]); f.close()
        f = start('bad_claims.h5ad', 3, 2); mark(f['uns'].create_dataset('big', (10**9,), 'f8', chunks=(1000,), compression='gzip'), 'array', '0.2.0'); f.close()
        f = start('bad_claims_more.h5ad', 3, 2); mark(f['uns'].create_dataset('big', (10**13, 10**4), 'f8', chunks=(1000, 1)), 'array', '0.2.0'); f.close()
        f = start('bad_codes.h5ad'); g = mark(f['obs'].create_group('c'), 'categorical', '0.2.0'); g.attrs['ordered'] = False; array(g, 'codes', np.array([0, 1, 2], 'i1')); strings(g, 'categories', ['a', 'b']); order(f['obs'], ['c']); f.close()
        f = start('bad_codes_negative.h5ad'); g = mark(f['obs'].create_group('c'), 'categorical', '0.2.0'); g.attrs['ordered'] = False; array(g, 'codes', np.array([0, 1, -2], 'i1')); strings(g, 'categories', ['a', 'b']); order(f['obs'], ['c']); f.close()
        f = start('bad_no_categories.h5ad'); g = mark(f['obs'].create_group('c'), 'categorical', '0.2.0'); g.attrs['ordered'] = False; array(g, 'codes', np.array([0, 1, 1], 'i1')); order(f['obs'], ['c']); f.close()
        f = start('bad_mask.h5ad'); g = mark(f['obs'].create_group('c'), 'nullable-integer', '0.1.0'); array(g, 'values', np.arange(3)); array(g, 'mask', np.zeros(2, bool)); order(f['obs'], ['c']); f.close()
        f = start('bad_column_length.h5ad'); array(f['obs'], 'c', np.arange(4)); order(f['obs'], ['c']); f.close()
        f = start('bad_column_missing.h5ad'); order(f['obs'], ['c']); f.close()
        f = start('bad_column_twice.h5ad'); array(f['obs'], 'c', np.arange(3)); order(f['obs'], ['c', 'c']); f.close()
        f = start('bad_index_missing.h5ad'); del f['obs/_index']; f.close()
        f = start('bad_x_shape.h5ad', X=False); array(f, 'X', np.zeros((3, 4), 'f4')); f.close()
        f = start('bad_obsm_length.h5ad'); array(f['obsm'], 'X_pca', np.zeros((4, 2))); f.close()
        f = start('bad_layer_shape.h5ad'); array(f['layers'], 'counts', np.zeros((3, 3))); f.close()
        f = start('bad_no_obs.h5ad'); del f['obs']; f.close()
        f = start('bad_obs_kind.h5ad'); del f['obs']; array(f, 'obs', np.zeros(3)); f.close()
        f = start('bad_loop.h5ad'); f['obsm/loop'] = f['obsm']; f.close()

        # numbers whose bytes are not those of IEEE 754, and what fills no chunk
        f = start('numbers.h5ad')
        t = h5py.h5t.IEEE_F16LE.copy(); t.set_fields(15, 7, 8, 0, 7); t.set_ebias(127)
        d = h5py.h5d.create(f['uns'].id, b'bfloat16', t, h5py.h5s.create_simple((3,))); d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, -2.5, 1e30], np.float32), h5py.h5t.NATIVE_FLOAT)
        f['uns/extended'] = np.array([1, 2.5, -3], np.longdouble)
        f['uns'].create_dataset('packed', data=np.arange(70000) % 3 == 0, chunks=(1000,), compression='gzip')
        f['uns/records'] = np.array([(i, i) for i in range(500)], [('a', np.longdouble), ('b', 'f8')])
        f.close()
        f = start('bad_shuffled_chunk.h5ad', 100, 200, X=False); d = f.create_dataset('X', (100, 200), 'f4', chunks=(100, 200), shuffle=True); d.id.write_direct_chunk((0, 0), bytes(range(256)) * 328); mark(d, 'array', '0.2.0'); f.close()

        # links to nothing and to themselves
        L, E = h5py.SoftLink, h5py.ExternalLink
        f = start('links.h5ad', 4, 5); u = f['uns']
        u['good'] = 1.5; u['soft'] = L('/nowhere'); u['a'] = L('/uns/b'); u['b'] = L('/uns/a'); u['no_file'] = E('nothing_there.h5', '/x'); u['no_object'] = E('dress.h5ad', '/nowhere')
        u['loop'] = u; u['whole'] = L('/'); u['alias'] = L('/uns/good'); u['other'] = E('dress.h5ad', '/uns/one')
        n = mark(u.create_group('nested'), 'dict', '0.1.0'); n['kept'] = 2; n['lost'] = L('nowhere'); n['up'] = L('/uns')
        s = sparse(u, 'matrix', 'csr', np.array([4, 5]), np.ones(6, 'f4'), np.array([1, 3, 0, 4, 1, 2], 'i4'), np.array([0, 2, 2, 4, 6], 'i4')); del s['data']; s['data'] = L('/nowhere')
        f.close()
        f = start('links_uns.h5ad'); del f['uns']; f['uns'] = L('/nowhere'); f.close()
        f = start('bad_link_x.h5ad', X=False); f['X'] = L('/nowhere'); f.close()
        f = start('bad_link_x_file.h5ad', X=False); f['X'] = E('nothing_there.h5', '/X'); f.close()
        f = start('bad_link_obs.h5ad'); del f['obs']; f['obs'] = L('/nowhere'); f.close()
        f = start('bad_link_var.h5ad'); del f['var']; f['var'] = L('/var'); f.close()
        f = start('bad_link_layer.h5ad'); f['layers/counts'] = L('/nowhere'); f.close()
        f = start('bad_link_column.h5ad'); f['obs/c'] = L('/nowhere'); order(f['obs'], ['c']); f.close()
        f = start('bad_link_obsm.h5ad'); f['obsm/X_pca'] = L('/nowhere'); f.close()
        f = start('bad_x_unknown.h5ad', X=False); mark(f.create_group('X'), 'coo_matrix', '0.1.0'); f.close()
        f = start('bad_chunk.h5ad', 100, 200, X=False); d = array(f, 'X', np.random.RandomState(1).rand(100, 200), chunks=(100, 200), compression='gzip'); at = d.id.get_chunk_info(0).byte_offset; f.close()
        with open('bad_chunk.h5ad', 'r+b') as f: f.seek(at + 1000); f.write(bytes(64))
        b = open('dense_f8.h5ad', 'rb').read()
        open('bad_truncated.h5ad', 'wb').write(b[:len(b) // 2]); open('bad_text.h5ad', 'w').write('gene,cell\n1,2\n'); open('bad_empty.h5ad', 'w').close()
        with gzip.open('bad_gzip.h5ad', 'wb') as g: g.write(b)
        with h5py.File('bad_tenx.h5ad', 'w') as f: f.create_dataset('matrix/barcodes', data=np.array([b'a'])); f.create_dataset('matrix/indptr', data=[0])
        """;
}
