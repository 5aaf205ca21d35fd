using System.Diagnostics;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>Matrices that are never held: what is written row by row and read row by row is what is written and read whole.</summary>
public class StreamingTests
{
    private static readonly H5adReadOptions s_stream = new() { Stream = true };

    /// <summary>About 4.9 million values: more than one batch of chunks, so that the dataset grows while it is written.</summary>
    private static readonly Lazy<SparseMatrix> s_large = new(() => (SparseMatrix)new GeneratedMatrix(16_000, 700, Rows).ToSparse());

    /// <summary>Every row follows from its number.</summary>
    private static void Rows(int first, int count, RowBlock block)
    {
        for (int r = first; r < first + count; r++)
        {
            var random = new Random(r);
            int n = r % 13 == 0 ? 0 : random.Next(1, 660);
            int[] columns = [.. Enumerable.Range(0, 700)];
            random.Shuffle(columns);
            Array.Sort(columns, 0, n);
            block.Append(columns.AsSpan(0, n), Enumerable.Range(0, n).Select(_ => (float)random.Next(1, 400)).ToArray());
        }
    }

    private static AnnotatedData With(Matrix x) => new(new DataFrame(SampleData.Names("cell", x.Rows)), new DataFrame(SampleData.Names("gene", x.Columns)), x);

    [Fact]
    public void A_small_matrix_gives_the_same_bytes_however_it_comes()
    {
        using var dir = new TemporaryDirectory();
        var whole = s_large.Value.SelectRows([.. Enumerable.Range(0, 3000)]);
        H5adFile.Write(dir["whole.h5ad"], With(whole));
        H5adFile.Write(dir["generated.h5ad"], With(new GeneratedMatrix(3000, 700, Rows)));
        H5adFile.Write(dir["packed.h5ad"], With(PackedMatrix.Of(whole)));
        byte[] expected = File.ReadAllBytes(dir["whole.h5ad"]);
        Assert.Equal(expected, File.ReadAllBytes(dir["generated.h5ad"]));
        Assert.Equal(expected, File.ReadAllBytes(dir["packed.h5ad"]));
    }

    [Fact]
    public void A_matrix_that_is_written_block_by_block_is_read_as_the_one_that_was_held()
    {
        using var dir = new TemporaryDirectory();
        var asked = new List<(int First, int Count)>();
        var data = With(new GeneratedMatrix(16_000, 700, (first, count, block) =>
        {
            asked.Add((first, count));
            Rows(first, count, block);
        }));
        data.Obsm["X_vectors"] = new GeneratedArray(16_000, 70, (first, count, to) =>
        {
            for (int i = 0; i < count * 70; i++) to.Span[i] = (first + i / 70) * 0.25f + i % 70;
        }, rowsAtOnce: 300);
        data.Layers["again"] = PackedMatrix.Of(s_large.Value);
        H5adFile.Write(dir["stream.h5ad"], data, new H5adWriteOptions { Threads = 3 }, () => data.Obs.Set("late", Enumerable.Range(0, 16_000).ToArray()));
        // Every row once, in order, a bounded number at a time.
        Assert.Equal(Enumerable.Range(0, asked.Count).Select(i => i * data.X!.RowsPerBlock), asked.Select(a => a.First));
        Assert.All(asked, a => Assert.True(a.Count <= data.X!.RowsPerBlock));

        var expected = With(s_large.Value);
        expected.Layers["again"] = s_large.Value;
        expected.Obsm["X_vectors"] = new DenseMatrix(16_000, 70, Enumerable.Range(0, 16_000 * 70).Select(i => i / 70 * 0.25f + i % 70).ToArray());
        expected.Obs.Set("late", Enumerable.Range(0, 16_000).ToArray());
        Same.Data(expected, H5adFile.Read(dir["stream.h5ad"]));

        // And on to another file, row by row from the first.
        var stored = H5adFile.Read(dir["stream.h5ad"], s_stream);
        Assert.IsType<StoredMatrix>(stored.X);
        Assert.IsType<StoredMatrix>(stored.Layers["again"]);
        H5adFile.Write(dir["copy.h5ad"], stored, new H5adWriteOptions { Threads = 1 });
        Same.Data(expected, H5adFile.Read(dir["copy.h5ad"]));
    }

    [ToolFact("anndata")]
    public void Anndata_finds_the_same_values_in_a_file_that_grew()
    {
        using var dir = new TemporaryDirectory();
        var data = With(new GeneratedMatrix(16_000, 700, Rows));
        data.Obsm["X_vectors"] = new GeneratedArray(16_000, 300, (first, count, to) => to.Span.Fill(first), rowsAtOnce: 1000);
        H5adFile.Write(dir["a.h5ad"], data);
        SparseMatrix x = s_large.Value;
        string said = SampleData.Python("""
            import sys, warnings, numpy as np, anndata
            warnings.simplefilter('ignore')
            a = anndata.read_h5ad(sys.argv[1])
            assert a.X.has_canonical_format and a.X.dtype == np.float32 and a.X.indptr.dtype == np.int32
            b = anndata.read_h5ad(sys.argv[1], backed='r')
            assert (b[12345].X.toarray() == a.X[12345].toarray()).all()
            v = a.obsm['X_vectors']
            assert v.shape == (16000, 300) and v.dtype == np.float32 and (v[:, 7] == np.arange(16000) // 1000 * 1000).all()
            w = np.arange(1, 701) * 1.0
            print(a.X.nnz, int((a.X.astype(np.float64) @ w * np.arange(16000)).sum()))
            """, dir["a.h5ad"]).Trim();
        double checksum = 0;
        for (int r = 0; r < x.Rows; r++)
            for (long k = x.IndPtr[r]; k < x.IndPtr[r + 1]; k++) checksum += (double)x.Values[k] * (x.Indices[k] + 1) * r;
        Assert.Equal($"{x.StoredCount} {checksum:F0}", said);
    }

    [Fact]
    public void Any_rows_in_any_order_are_those_of_the_whole_matrix()
    {
        using var dir = new TemporaryDirectory();
        SparseMatrix whole = s_large.Value;
        H5adFile.Write(dir["a.h5ad"], With(whole));
        using var stored = (StoredMatrix)H5adFile.Read(dir["a.h5ad"], s_stream).X!;
        using var spilled = PackedMatrix.Of(whole, new ScratchSpace(0, () => dir.Path));
        Matrix[] matrices = [stored, PackedMatrix.Of(whole), spilled, new GeneratedMatrix(16_000, 700, Rows)];
        var random = new Random(1);
        var block = new RowBlock();
        foreach (Matrix m in matrices)
        {
            for (int trial = 0; trial < 12; trial++)
            {
                // Few, many, repeated and none; neighbours too.
                int[] rows = [.. Enumerable.Range(0, trial * trial * 3).Select(_ => random.Next(trial % 3 == 0 ? 40 : whole.Rows))];
                m.ReadRows(rows, block);
                RequireRows(whole, rows, block);
                int first = random.Next(whole.Rows), count = random.Next(Math.Min(500, whole.Rows - first));
                m.ReadRows(first, count, block);
                RequireRows(whole, [.. Enumerable.Range(first, count)], block);
            }
            Assert.Throws<ArgumentOutOfRangeException>(() => m.ReadRows([16_000], block));
            Assert.Throws<ArgumentOutOfRangeException>(() => m.ReadRows(15_999, 2, block));
        }
        Assert.Equal(whole.StoredCount, stored.StoredCount);
        Same.Elements("selected", whole.SelectColumns([5, 2, 699]), stored.SelectColumns([5, 2, 699]));
    }

    [Fact]
    public void Rows_in_memory_are_filled_by_several_threads_in_any_order()
    {
        using var dir = new TemporaryDirectory();
        SparseMatrix whole = s_large.Value;
        // Values that take more than a byte in the packed rows, among those that do not.
        Matrix[] inMemory = [whole, PackedMatrix.Of(whole)];
        var random = new Random(2);
        var block = new RowBlock();
        foreach (Matrix m in inMemory)
        {
            foreach (int count in new[] { 300, 0, 700, 1 })
            {
                int[] rows = [.. Enumerable.Range(0, count).Select(_ => random.Next(count == 700 ? 50 : whole.Rows))];
                Assert.True(m.TryLayRows(rows, block));
                Parallel.For(0, count, i => m.FillPlace(rows[count - 1 - i], block, count - 1 - i));
                RequireRows(whole, rows, block);
            }
            Assert.Throws<ArgumentOutOfRangeException>(() => m.TryLayRows([3, whole.Rows], block));
        }
        using var spilled = PackedMatrix.Of(whole, new ScratchSpace(0, () => dir.Path));
        foreach (Matrix m in new Matrix[] { spilled, new GeneratedMatrix(16_000, 700, Rows) })
        {
            whole.ReadRows([5, 9], block);
            Assert.False(m.TryLayRows([1, 2, 3], block));
            RequireRows(whole, [5, 9], block);
        }
    }

    [ToolFact("h5py")]
    public void Rows_are_read_from_every_dress_of_compressed_rows()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["plain.h5ad"], With(s_large.Value.SelectRows([.. Enumerable.Range(0, 2000)])));
        SampleData.Python("""
            import sys, shutil, h5py, numpy as np
            d = sys.argv[1]
            def dress(name, **kw):
                shutil.copy(d + '/plain.h5ad', d + '/' + name + '.h5ad')
                with h5py.File(d + '/' + name + '.h5ad', 'r+') as f:
                    g = f['X']
                    p, i, v = g['indptr'][:], g['indices'][:], g['data'][:]
                    if kw.get('unsorted'):
                        for r in range(len(p) - 1):
                            o = np.random.RandomState(r).permutation(p[r + 1] - p[r]) + p[r]
                            i[p[r]:p[r + 1]], v[p[r]:p[r + 1]] = i[o], v[o]
                    for k in ['indptr', 'indices', 'data']: del g[k]
                    g.create_dataset('indptr', data=p.astype(kw.get('ptype', 'i8')))
                    g.create_dataset('indices', data=i.astype(kw.get('itype', 'i8')), **kw.get('how', {}))
                    g.create_dataset('data', data=v.astype(kw.get('vtype', 'f4')), **kw.get('how', {}))
            dress('contiguous')
            dress('double', vtype='f8', how=dict(compression='gzip', chunks=(1000,)))
            dress('big_endian', vtype='>i4', itype='>i4', ptype='>i8', how=dict(chunks=(777,)))
            dress('lzf', vtype='u2', itype='u2', how=dict(compression='lzf', shuffle=True))
            dress('unsorted', unsorted=True, how=dict(compression='gzip', chunks=(5000,)))
            """, dir.Path);
        var block = new RowBlock();
        int[] rows = [1999, 0, 5, 1000, 1001, 5];
        foreach (string name in (string[])["contiguous", "double", "big_endian", "lzf", "unsorted"])
        {
            using var m = (StoredMatrix)H5adFile.Read(dir[name + ".h5ad"], s_stream).X!;
            m.ReadRows(rows, block);
            RequireRows(s_large.Value, rows, block);
            Same.Elements(name, s_large.Value.SelectRows([.. Enumerable.Range(0, 2000)]), m.ToSparse());
            Assert.False(m.HasRounded);
        }
    }

    [ToolFact("h5py")]
    public void More_than_two_thousand_million_values_are_read_where_they_lie()
    {
        using var dir = new TemporaryDirectory();
        // 733,184 rows of 4,096 values; the same packed chunk again and again, so that the file is small.
        SampleData.Python("""
            import sys, h5py, numpy as np, zlib
            n, chunk = 716 * 2**22, 2**22
            with h5py.File(sys.argv[1], 'w') as f:
                def mark(o, t, v): o.attrs['encoding-type'], o.attrs['encoding-version'] = t, v
                mark(f, 'anndata', '0.1.0')
                g = f.create_group('X'); mark(g, 'csr_matrix', '0.1.0'); g.attrs['shape'] = np.array([716 * 1024, 4096])
                for name, values in [('indices', np.tile(np.arange(4096, dtype='i4'), 1024)), ('data', np.repeat(np.arange(1, 1025, dtype='f4'), 4096))]:
                    ds = g.create_dataset(name, (n,), values.dtype, chunks=(chunk,), compression='gzip', shuffle=True)
                    raw = zlib.compress(np.frombuffer(values.tobytes(), 'u1').reshape(-1, 4).T.tobytes(), 9)
                    for c in range(716): ds.id.write_direct_chunk((c * chunk,), raw)
                g.create_dataset('indptr', data=np.arange(0, n + 1, 4096))
                for slot, m in [('obs', 716 * 1024), ('var', 4096)]:
                    t = f.create_group(slot); mark(t, 'dataframe', '0.2.0'); t.attrs['_index'] = '_index'; t.attrs['column-order'] = np.array([], 'f8')
                    t.create_dataset('_index', data=np.arange(m).astype('S8'))
            """, dir["huge.h5ad"]);
        using var m = (StoredMatrix)H5adFile.Read(dir["huge.h5ad"], s_stream).X!;
        Assert.Equal(716L << 22, m.StoredCount);
        var block = new RowBlock();
        m.ReadRows([733_183, 0, 600_000, 524_288], block);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(Enumerable.Range(0, 4096), block.RowIndices(i).ToArray());
            Assert.All(block.RowValues(i).ToArray(), v => Assert.Equal(new[] { 1024, 1, 600_000 % 1024 + 1, 1 }[i], v));
        }
        Assert.Contains("too big to be held", Assert.Throws<InputException>(() => m.ToSparse()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Going_through_a_file_allocates_a_small_part_of_what_passes()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], With(s_large.Value));
        // What a whole process allocates is told by a process that does nothing else.
        var child = ChildProgram.Run(new Dictionary<string, string>(), "pass", dir["a.h5ad"]);
        Assert.True(child.ExitCode == 0, child.Error);
        long[] bytes = [.. child.Output.Split(' ').Select(v => long.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        long passed = bytes[0], allocated = bytes[1];
        Assert.Equal(8 * s_large.Value.StoredCount, passed);
        Assert.True(allocated <= passed / 8, $"{allocated} bytes were allocated for {passed} bytes of rows");
    }

    [Theory]
    [InlineData(40)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(3_000_000)]
    public void Packing_keeps_every_value_to_the_bit(int columns)
    {
        using var dir = new TemporaryDirectory();
        var random = new Random(columns);
        float[] odd = [0, -0f, 1, 254, 255, 256, 0.5f, -3, float.NaN, float.PositiveInfinity, 16_777_217, 1e-30f];
        var rows = new RowBlock();
        for (int r = 0; r < 300; r++)
        {
            int[] indices = [.. Enumerable.Range(0, random.Next(39)).Select(_ => random.Next(columns)).Append(columns - 1).Distinct().Order()];
            if (r % 7 == 3) indices = [];
            rows.Append(indices, [.. indices.Select(_ => random.Next(3) == 0 ? odd[random.Next(odd.Length)] : random.Next(260))]);
        }
        var m = new SparseMatrix(300, columns, rows.RowPointers.ToArray(), rows.Indices.ToArray(), rows.Values.ToArray());
        Same.Elements("packed", m, PackedMatrix.Of(m).ToSparse());
        using var spilled = PackedMatrix.Of(m, new ScratchSpace(0, () => dir.Path));
        Same.Elements("spilled", m, spilled.ToSparse());
    }

    [Fact]
    public void A_matrix_above_the_limit_goes_to_a_file_that_has_no_name()
    {
        using var dir = new TemporaryDirectory();
        // Three segments of 64 MiB.
        var rows = new RowBlock();
        int[] indices = [.. Enumerable.Range(0, 50_000)];
        rows.Append(indices, [.. indices.Select(i => (float)(i % 251))]);
        using var packing = new PackedMatrix.Packing(50_000, new ScratchSpace(100 << 20, () => dir.Path));
        for (int r = 0; r < 1000; r++) packing.Append(rows);
        using var m = packing.ToMatrix();
        Assert.True(m.IsSpilled);
        if (!OperatingSystem.IsWindows()) Assert.Empty(Directory.GetFileSystemEntries(dir.Path));
        var back = new RowBlock();
        m.ReadRows([999, 0, 447, 448, 500], back);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(back.RowIndices(i).SequenceEqual(indices));
            Assert.True(back.RowValues(i).SequenceEqual(rows.RowValues(0)));
        }
        long passed = 0;
        m.ForEachBlock((_, block) => passed += block.StoredCount);
        Assert.Equal(50_000_000, passed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public void Dense_rows_come_back_as_they_went_in(long memory)
    {
        using var dir = new TemporaryDirectory();
        using var store = new RowStore(2500, 7, new ScratchSpace(memory, () => dir.Path));
        Assert.Equal(memory > 0, store.IsHeld);
        for (int r = 2499; r >= 0; r--) store.Write(r, [r, r + 1, r + 2, r + 3, r + 4, r + 5, r + 6]);
        float[] all = [.. Enumerable.Range(0, 2500 * 7).Select(i => (float)(i / 7 + i % 7))];
        Assert.Equal(all, store.ToArray());
        Assert.Equal(all, store.ToMatrix() is GeneratedArray g ? g.ToDense().ToSingle() : ((DenseMatrix)store.ToMatrix()).ToSingle());
        var blocks = new List<float>();
        store.ForEachBlock((first, count, values) => { Assert.Equal(blocks.Count, first * 7); blocks.AddRange(values.Span); }, rowsAtOnce: 999);
        Assert.Equal(all, blocks);
        var two = new float[14];
        store.Read(2498, two);
        Assert.Equal(all[^14..], two);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Read(2499, two));
        if (!OperatingSystem.IsWindows()) Assert.Empty(Directory.GetFileSystemEntries(dir.Path));
    }

    [ToolFact("h5py")]
    public void Damage_in_the_rows_is_one_sentence()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["good.h5ad"], With(s_large.Value.SelectRows([.. Enumerable.Range(0, 2000)])));
        SampleData.Python("""
            import sys, shutil, h5py
            d = sys.argv[1]
            for name, change in [('index', lambda g: g['indices'].__setitem__(100000, 700)), ('falls', lambda g: g['indptr'].__setitem__(7, 5)), ('end', lambda g: g['indptr'].__setitem__(2000, 5000000))]:
                shutil.copy(d + '/good.h5ad', d + '/' + name + '.h5ad')
                with h5py.File(d + '/' + name + '.h5ad', 'r+') as f: change(f['X'])
            """, dir.Path);
        string Said(string name) => Assert.Throws<InputException>(() => ((StoredMatrix)H5adFile.Read(dir[name], s_stream).X!).ToSparse()).Message;
        Assert.Matches("'.*index.h5ad': 'X' is damaged: row \\d+ has index 700, outside 0 … 699\\.", Said("index.h5ad"));
        Assert.Contains("'X/indptr' falls from", Said("falls.h5ad"), StringComparison.Ordinal);
        Assert.Contains("'X/indptr' ends with 5000000, but there are", Said("end.h5ad"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_is_killed_while_it_writes_leaves_the_old_file()
    {
        if (OperatingSystem.IsWindows()) return;
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        byte[] before = File.ReadAllBytes(dir["a.h5ad"]);
        using var child = Process.Start(new ProcessStartInfo("dotnet", [ChildProgram.Assembly, "stream", dir["a.h5ad"]]) { RedirectStandardOutput = true })!;
        // The child says so in the middle of the file, and waits.
        Assert.Equal("in the middle", child.StandardOutput.ReadLine());
        child.Kill();
        child.WaitForExit();
        Assert.Equal(before, File.ReadAllBytes(dir["a.h5ad"]));
        Assert.All(Directory.GetFileSystemEntries(dir.Path), f => Assert.True(f == dir["a.h5ad"] || Path.GetFileName(f).StartsWith('.')));
    }

    private static void RequireRows(SparseMatrix whole, int[] rows, RowBlock block)
    {
        Assert.Equal(rows.Length, block.Count);
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.True(whole.RowIndices(rows[i]).SequenceEqual(block.RowIndices(i)), $"columns of row {rows[i]}");
            Assert.True(whole.RowValues(rows[i]).SequenceEqual(block.RowValues(i)), $"values of row {rows[i]}");
        }
    }
}
