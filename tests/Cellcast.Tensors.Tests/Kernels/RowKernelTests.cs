using Cellcast.TestSupport;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

/// <summary>Arithmetic, sums, softmax, layer normalisation and optimiser steps against their plain counterparts.</summary>
public class RowKernelTests
{
    private static readonly (int Rows, int Columns)[] s_shapes = [(1, 1), (3, 2), (5, 16), (7, 33), (50, 100), (1000, 37), (9, 5000), (9000, 3)];

    private static void Near(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, double tolerance = 1e-6) =>
        Assert.InRange(Samples.RelativeDistance(actual, expected), 0, tolerance);

    /// <summary>Runs a kernel with one and with three threads and insists on the same bits.</summary>
    private static void SameBits(Func<Workers, float[]> kernel)
    {
        using var workers = new Workers(3);
        Assert.Equal(Samples.Bits(kernel(Workers.Inline)), Samples.Bits(kernel(workers)));
    }

    [Fact]
    public void Arithmetic_is_elementwise()
    {
        foreach (int n in new[] { 0, 1, 15, 16, 17, 1000, 40_001 })
        {
            float[] a = Samples.Uniform(1, n), b = Samples.Uniform(2, n, 1, 2), c = Samples.Uniform(3, n), y = new float[n];
            void Check(Func<int, float> exact, double tolerance = 0)
            {
                for (int i = 0; i < n; i++) Assert.Equal(exact(i), y[i], tolerance);
            }
            Elementwise.Add(Workers.Inline, a, b, y);
            Check(i => a[i] + b[i]);
            Elementwise.Subtract(Workers.Inline, a, b, y);
            Check(i => a[i] - b[i]);
            Elementwise.Multiply(Workers.Inline, a, b, y);
            Check(i => a[i] * b[i]);
            Elementwise.Divide(Workers.Inline, a, b, y);
            Check(i => a[i] / b[i]);
            Elementwise.Scale(Workers.Inline, 3, a, y, 0.5f);
            Check(i => 3 * a[i] + 0.5f, 3e-7);
            c.CopyTo(y, 0);
            Elementwise.MultiplyAdd(Workers.Inline, a, b, y);
            Check(i => a[i] * b[i] + c[i], 3e-7);
            c.CopyTo(y, 0);
            Elementwise.Axpy(Workers.Inline, -2, a, y);
            Check(i => c[i] - 2 * a[i], 3e-7);
        }
    }

    [Fact]
    public void Rows_and_columns_are_scaled_shifted_gathered_and_scattered()
    {
        foreach (var (rows, columns) in s_shapes)
        {
            float[] x = Samples.Uniform(1, rows * columns), perColumn = Samples.Uniform(2, columns), perRow = Samples.Uniform(3, rows), y = new float[x.Length];
            Elementwise.AddRowVector(Workers.Inline, x, rows, columns, perColumn, y);
            for (int i = 0; i < y.Length; i++) Assert.Equal(x[i] + perColumn[i % columns], y[i]);
            Elementwise.ScaleColumns(Workers.Inline, x, rows, columns, perColumn, y);
            for (int i = 0; i < y.Length; i++) Assert.Equal(x[i] * perColumn[i % columns], y[i]);
            Elementwise.ScaleRows(Workers.Inline, x, rows, columns, perRow, y);
            for (int i = 0; i < y.Length; i++) Assert.Equal(x[i] * perRow[i / columns], y[i]);

            int[] numbers = Enumerable.Range(0, 2 * rows).Select(i => i * 7 % rows).ToArray();
            float[] gathered = new float[numbers.Length * columns], sums = new float[x.Length], expected = new float[x.Length];
            Elementwise.GatherRows(Workers.Inline, x, columns, numbers, gathered);
            for (int i = 0; i < gathered.Length; i++) Assert.Equal(x[numbers[i / columns] * columns + i % columns], gathered[i]);
            Elementwise.ScatterAddRows(Workers.Inline, gathered, columns, numbers, sums);
            for (int i = 0; i < gathered.Length; i++) expected[numbers[i / columns] * columns + i % columns] += gathered[i];
            Assert.Equal(expected, sums);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => Elementwise.GatherRows(Workers.Inline, new float[6], 2, [3], new float[2]));
    }

    [Fact]
    public void Sums_are_as_good_as_in_double_precision()
    {
        foreach (var (rows, columns) in s_shapes)
        {
            // Large numbers that nearly cancel: plain single precision would be wrong in the third digit.
            float[] x = Samples.Uniform(1, rows * columns), b = Samples.Uniform(2, rows * columns);
            for (int i = 0; i < x.Length; i++) x[i] += i % 2 == 0 ? 1e4f : -1e4f;
            double sum = x.Sum(v => (double)v);
            // Plain single precision would be off by some 1e-7 of the absolute values.
            double size = x.Sum(v => Math.Abs((double)v));
            Assert.Equal(sum, Reductions.Sum(Workers.Inline, x), 2e-11 * size);
            Assert.Equal(x.Max(), Reductions.Max(Workers.Inline, x));
            double dot = x.Zip(b, (u, v) => (double)(u * v)).Sum();
            Assert.Equal(dot, Reductions.Dot(Workers.Inline, x, b), 2e-11 * size);

            float[] start = Samples.Uniform(3, columns), y = [.. start], expected = [.. start];
            Reductions.ColumnSums(Workers.Inline, x, rows, columns, y, accumulate: true);
            for (int c = 0; c < columns; c++) expected[c] += (float)Enumerable.Range(0, rows).Sum(r => (double)x[r * columns + c]);
            Near(y, expected);
            Reductions.ColumnDots(Workers.Inline, x, b, rows, columns, y);
            for (int c = 0; c < columns; c++) expected[c] = (float)Enumerable.Range(0, rows).Sum(r => (double)(x[r * columns + c] * b[r * columns + c]));
            Near(y, expected);
            float[] z = new float[rows], rowExpected = new float[rows];
            Reductions.RowSums(Workers.Inline, x, rows, columns, z);
            for (int r = 0; r < rows; r++) rowExpected[r] = (float)Enumerable.Range(0, columns).Sum(c => (double)x[r * columns + c]);
            Near(z, rowExpected);
            Reductions.RowDots(Workers.Inline, x, b, rows, columns, z);
            for (int r = 0; r < rows; r++) rowExpected[r] = (float)Enumerable.Range(0, columns).Sum(c => (double)(x[r * columns + c] * b[r * columns + c]));
            Near(z, rowExpected);
        }
        Assert.True(float.IsNaN(Reductions.Max(Workers.Inline, [1f, float.NaN, 2f, .. new float[40]])));
        Assert.Equal(float.NegativeInfinity, Reductions.Max(Workers.Inline, []));
    }

    [Fact]
    public void Sums_have_the_same_bits_for_any_number_of_threads()
    {
        float[] x = Samples.Uniform(1, 20_000 * 9);
        SameBits(w => [(float)Reductions.Sum(w, x)]);
        SameBits(w =>
        {
            var y = new float[9];
            Reductions.ColumnSums(w, x, 20_000, 9, y);
            return y;
        });
    }

    [Fact]
    public void Softmax_equals_its_definition_by_rows_and_by_columns()
    {
        foreach (var (rows, columns) in s_shapes)
        {
            float[] x = Samples.Uniform(1, rows * columns, -30, 90), dy = Samples.Uniform(2, x.Length), y = new float[x.Length], dx = new float[x.Length], start = Samples.Uniform(3, x.Length);
            float[] expected = new float[x.Length], dExpected = new float[x.Length];
            Softmax.Rows(Workers.Inline, x, rows, columns, y);
            for (int r = 0; r < rows; r++) Reference.SoftmaxLine(x, expected, r * columns, 1, columns);
            Near(y, expected);
            Softmax.RowsBackward(Workers.Inline, y, dy, rows, columns, dx);
            for (int r = 0; r < rows; r++) Reference.SoftmaxLineBackward(y, dy, dExpected, r * columns, 1, columns, false);
            Assert.All(dx.Zip(dExpected), p => Assert.Equal(p.Second, p.First, 3e-7));

            Softmax.Columns(Workers.Inline, x, rows, columns, y);
            for (int c = 0; c < columns; c++) Reference.SoftmaxLine(x, expected, c, columns, rows);
            Near(y, expected);
            start.CopyTo(dx, 0);
            start.CopyTo(dExpected, 0);
            Softmax.ColumnsBackward(Workers.Inline, y, dy, rows, columns, dx, accumulate: true);
            for (int c = 0; c < columns; c++) Reference.SoftmaxLineBackward(y, dy, dExpected, c, columns, rows, true);
            Assert.All(dx.Zip(dExpected), p => Assert.Equal(p.Second, p.First, 3e-7));

            float[] byRow = new float[rows], byColumn = new float[columns];
            Softmax.RowsLogSumExp(Workers.Inline, x, rows, columns, byRow);
            for (int r = 0; r < rows; r++) Assert.Equal(Reference.LogSumExpLine(x, r * columns, 1, columns), byRow[r], 1e-5);
            Softmax.ColumnsLogSumExp(Workers.Inline, x, rows, columns, byColumn);
            for (int c = 0; c < columns; c++) Assert.Equal(Reference.LogSumExpLine(x, c, columns, rows), byColumn[c], 1e-5);
        }
    }

    [Fact]
    public void Softmax_ignores_minus_infinity_and_shows_not_a_number()
    {
        float[] x = [1, float.NegativeInfinity, 1, float.NegativeInfinity, 1000, 0], y = new float[6];
        Softmax.Rows(Workers.Inline, x, 2, 3, y);
        Assert.Equal([0.5f, 0f, 0.5f, 0f, 1f, 0f], y);
        x[0] = float.NaN;
        Softmax.Rows(Workers.Inline, x, 2, 3, y);
        Assert.All(y[..3], v => Assert.True(float.IsNaN(v)));
        Assert.Equal([0f, 1f, 0f], y[3..]);
    }

    [Fact]
    public void Layer_normalisation_equals_the_reference()
    {
        foreach (var (rows, columns) in s_shapes)
        {
            float[] x = Samples.Uniform(1, rows * columns, 3, 9), dy = Samples.Uniform(2, x.Length), start = Samples.Uniform(3, x.Length);
            float[] y = new float[x.Length], y0 = new float[x.Length], s = new float[rows], s0 = new float[rows];
            LayerNorm.Forward(Workers.Inline, x, rows, columns, 1e-5f, y, s);
            Reference.LayerNormForward(x, rows, columns, 1e-5f, y0, s0);
            Assert.All(y.Zip(y0), p => Assert.Equal(p.Second, p.First, 2e-6 * Math.Max(1, Math.Abs(p.Second))));
            Near(s, s0, 1e-5);
            float[] dx = [.. start], dx0 = [.. start];
            LayerNorm.Backward(Workers.Inline, y0, s0, dy, rows, columns, dx, accumulate: true);
            Reference.LayerNormBackward(y0, s0, dy, rows, columns, dx0, true);
            Near(dx, dx0, 3e-6);
            if (columns < 2) continue;

            float[] a = Samples.Uniform(4, columns, 0.5, 2), b = Samples.Uniform(5, columns), mean = new float[rows], mean0 = new float[rows];
            LayerNorm.ForwardUnbiased(Workers.Inline, x, rows, columns, a, b, 1e-6f, y, mean, s);
            Reference.LayerNormUnbiasedForward(x, rows, columns, a, b, 1e-6f, y0, mean0, s0);
            Near(y, y0, 3e-6);
            Near(mean, mean0);
            Near(s, s0, 3e-6);
            float[] da = new float[columns], da0 = new float[columns], db = new float[columns], db0 = new float[columns];
            LayerNorm.BackwardUnbiased(Workers.Inline, x, mean0, s0, a, 1e-6f, dy, rows, columns, dx, da, db);
            Reference.LayerNormUnbiasedBackward(x, mean0, s0, a, 1e-6f, dy, rows, columns, dx0, da0, db0, false);
            // With two columns the gradient is a difference of equal numbers.
            if (columns > 2) Near(dx, dx0, 3e-5);
            Near(da, da0, 1e-5);
            Near(db, db0, 1e-5);
        }
    }

    [Fact]
    public void Optimiser_steps_follow_the_reference_over_many_steps()
    {
        foreach (bool decoupled in new[] { false, true })
        {
            const int n = 20_003;
            float[] p = Samples.Uniform(1, n), m = new float[n], v = new float[n], p0 = [.. p], m0 = new float[n], v0 = new float[n];
            for (int step = 1; step <= 20; step++)
            {
                float[] g = Samples.Uniform(step + 10, n);
                var settings = new AdamSettings(0.01, 0.9, 0.999, 1e-8, 0.01, step);
                if (decoupled) OptimizerSteps.AdamW(Workers.Inline, p, g, m, v, settings);
                else OptimizerSteps.Adam(Workers.Inline, p, g, m, v, settings);
                Reference.Adam(p0, g, m0, v0, settings, decoupled);
            }
            Near(p, p0, 3e-6);
            Near(m, m0, 3e-6);
            Near(v, v0, 3e-6);
        }
    }

    [Fact]
    public void Nothing_is_allocated_once_warm()
    {
        const int rows = 300, columns = 200;
        float[] x = Samples.Uniform(1, rows * columns), y = new float[x.Length], s = new float[rows], c = new float[columns];
        using var workers = new Workers(2);
        void All()
        {
            Elementwise.Add(workers, x, y, y);
            Elementwise.ScaleRows(workers, x, rows, columns, s, y);
            Reductions.Sum(workers, x);
            Reductions.ColumnSums(workers, x, rows, columns, c);
            Softmax.Columns(workers, x, rows, columns, y);
            Softmax.RowsBackward(workers, y, x, rows, columns, y);
            LayerNorm.Forward(workers, x, rows, columns, 1e-5f, y, s);
            VectorMath.Gelu(workers, x, y);
            OptimizerSteps.AdamW(workers, y, x, x, x, new AdamSettings(0, 0.9, 0.999, 1e-8, 0, 1));
        }
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(All));
    }
}
