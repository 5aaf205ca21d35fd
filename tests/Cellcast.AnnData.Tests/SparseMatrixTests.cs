using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.AnnData.Tests;

public class SparseMatrixTests
{
    /// <summary>A small matrix as (rows, columns, entries); entries may repeat a place.</summary>
    private static readonly Arbitrary<(int Rows, int Columns, (int Row, int Column, float Value)[] Entries)> s_matrices =
        (from rows in Gen.Choose(0, 9)
         from columns in Gen.Choose(1, 9)
         from n in Gen.Choose(0, rows == 0 ? 0 : 40)
         from row in Gen.ArrayOf(Gen.Choose(0, Math.Max(0, rows - 1)), n)
         from column in Gen.ArrayOf(Gen.Choose(0, columns - 1), n)
         from value in Gen.ArrayOf(Gen.Choose(-4, 9), n)
         select (rows, columns, Enumerable.Range(0, n).Select(i => (row[i], column[i], (float)value[i])).ToArray())).ToArbitrary();

    private static SparseMatrix Build((int Rows, int Columns, (int Row, int Column, float Value)[] Entries) m) =>
        SparseMatrix.FromCoordinates(m.Rows, m.Columns, [.. m.Entries.Select(e => e.Row)], [.. m.Entries.Select(e => e.Column)], [.. m.Entries.Select(e => e.Value)]);

    private static float[] Dense((int Rows, int Columns, (int Row, int Column, float Value)[] Entries) m)
    {
        var d = new float[m.Rows * m.Columns];
        foreach (var (r, c, v) in m.Entries) d[r * m.Columns + c] += v;
        return d;
    }

    [Fact]
    public void Entries_in_any_order_add_up_to_canonical_rows() => Prop.ForAll(s_matrices, m =>
    {
        var s = Build(m);
        Assert.Equal(Dense(m), s.ToDense());
        for (int r = 0; r < s.Rows; r++)
            for (int k = 1; k < s.RowIndices(r).Length; k++) Assert.True(s.RowIndices(r)[k] > s.RowIndices(r)[k - 1]);
    }).CheckOnRandomCases();

    [Fact]
    public void Transposing_swaps_rows_and_columns_and_twice_changes_nothing() => Prop.ForAll(s_matrices, m =>
    {
        var s = Build(m);
        var t = s.Transpose();
        for (int r = 0; r < s.Rows; r++)
            for (int c = 0; c < s.Columns; c++) Assert.Equal(s[r, c], t[c, r]);
        var back = t.Transpose();
        Assert.Equal(s.IndPtr, back.IndPtr);
        Assert.Equal(s.Indices, back.Indices);
        Assert.Equal(s.Values, back.Values);
    }).CheckOnRandomCases();

    [Fact]
    public void Selections_take_what_they_name() => Prop.ForAll(s_matrices, Gen.Choose(0, int.MaxValue).ToArbitrary(), (m, seed) =>
    {
        var s = Build(m);
        var random = new Random(seed);
        int[] columns = Enumerable.Range(0, s.Columns).OrderBy(_ => random.Next()).Take(random.Next(s.Columns + 1)).ToArray();
        int[] rows = s.Rows == 0 ? [] : Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(s.Rows)).ToArray();
        var selected = s.SelectRows(rows).SelectColumns(columns);
        Assert.Equal((rows.Length, columns.Length), (selected.Rows, selected.Columns));
        for (int r = 0; r < rows.Length; r++)
            for (int c = 0; c < columns.Length; c++) Assert.Equal(s[rows[r], columns[c]], selected[r, c]);
    }).CheckOnRandomCases();

    [Fact]
    public void Column_statistics_are_those_of_the_dense_matrix() => Prop.ForAll(s_matrices, m =>
    {
        var s = Build(m);
        var statistics = s.ColumnStatistics();
        float[] d = Dense(m);
        for (int c = 0; c < s.Columns; c++)
        {
            double[] column = Enumerable.Range(0, s.Rows).Select(r => (double)d[r * s.Columns + c]).ToArray();
            Assert.Equal(column.Sum(), statistics.Sums[c], 12);
            Assert.Equal(column.Count(v => v != 0), statistics.NonZeros[c]);
            double mean = column.Length == 0 ? 0 : column.Average();
            double variance = column.Length < 2 ? 0 : column.Sum(v => (v - mean) * (v - mean)) / (column.Length - 1);
            Assert.Equal(variance, statistics.SampleVariances[c], 10);
        }
        for (int r = 0; r < s.Rows; r++) Assert.Equal(d.AsSpan(r * s.Columns, s.Columns).ToArray().Sum(v => (double)v), s.RowSums()[r], 12);
    }).CheckOnRandomCases();

    [Fact]
    public void Dense_and_sparse_hold_the_same() => Prop.ForAll(s_matrices, m =>
    {
        float[] d = Dense(m);
        var s = SparseMatrix.FromDense(m.Rows, m.Columns, d);
        Assert.Equal(d, s.ToDense());
        Assert.DoesNotContain(0f, s.Values);
        Assert.Equal(s.Values, Build(m).WithoutZeros().Values);
        var wide = new DenseMatrix(m.Rows, m.Columns, Array.ConvertAll(d, v => (long)v)).ToSparse(out long rounded);
        Assert.Equal(0, rounded);
        Assert.Equal(s.Indices, wide.Indices);
        Assert.Equal(s.Values, wide.Values);
    }).CheckOnRandomCases();

    [Fact]
    public void Writing_and_reading_changes_nothing() => Prop.ForAll(s_matrices, m =>
    {
        using var dir = new TestSupport.TemporaryDirectory();
        var s = Build(m);
        var data = new AnnotatedData(new DataFrame(SampleData.Names("c", s.Rows)), new DataFrame(SampleData.Names("g", s.Columns)), s);
        data.Obs.Set("sum", s.RowSums());
        H5ad.H5adFile.Write(dir["a.h5ad"], data);
        Same.Data(data, H5ad.H5adFile.Read(dir["a.h5ad"]));
    }).CheckOnRandomCases();

    [Theory]
    [InlineData(new long[] { 0, 1 }, new[] { 0 }, "indptr has 2 entries")]
    [InlineData(new long[] { 1, 1, 1 }, new[] { 0 }, "starts with 1")]
    [InlineData(new long[] { 0, 1, 2 }, new[] { 0 }, "ends with 2")]
    [InlineData(new long[] { 0, 0, 1 }, new[] { 3 }, "row 1 has index 3")]
    [InlineData(new long[] { 0, 2, 2 }, new[] { 1, 1 }, "unsorted or repeated")]
    public void Parts_that_form_no_matrix_are_refused(long[] indPtr, int[] indices, string reason) =>
        Assert.Contains(reason, Assert.Throws<ArgumentException>(() => new SparseMatrix(2, 3, indPtr, indices, new float[indices.Length])).Message, StringComparison.Ordinal);

    [Fact]
    public void Rounding_to_single_precision_is_counted_and_overflow_refused()
    {
        var m = new SparseMatrix64(1, 3, [0, 3], [0, 1, 2], [16777217, 0.5, 0.1]);
        Assert.Equal([16777216f, 0.5f, 0.1f], m.ToSparse(out long rounded).Values);
        Assert.Equal(2, rounded);
        Assert.Throws<InputException>(() => new SparseMatrix64(1, 1, [0, 1], [0], [1e39]).ToSparse());
        Assert.True(float.IsPositiveInfinity(new SparseMatrix64(1, 1, [0, 1], [0], [double.PositiveInfinity]).ToSparse().Values[0]));
        Assert.Throws<InputException>(() => new DenseMatrix(1, 1, new[] { "a" }).ToSparse());
    }
}
