using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class SparseDenseTests
{
    private static (long[] Start, int[] Columns, float[] Values) Make(int rows, int columns, bool sorted, int seed = 1)
    {
        var random = new System.Random(seed);
        var start = new long[rows + 1];
        List<int> c = [];
        List<float> v = [];
        for (int r = 0; r < rows; r++)
        {
            IEnumerable<int> row = Enumerable.Range(0, columns).Where(_ => random.NextDouble() < (r % 10 == 3 ? 0 : r % 10 == 4 ? 1 : 0.15)).ToList();
            if (!sorted) row = row.OrderBy(_ => random.Next()).ToList();
            foreach (int column in row)
            {
                c.Add(column);
                v.Add((float)(random.NextDouble() * 4 - 2));
            }
            start[r + 1] = c.Count;
        }
        return (start, [.. c], [.. v]);
    }

    [Theory]
    [InlineData(1, 1, 1, true)]
    [InlineData(70, 30, 5, true)]
    [InlineData(130, 2500, 100, true)]
    [InlineData(65, 1500, 33, false)]
    public void Product_and_gradient_equal_the_reference(int rows, int columns, int h, bool sorted)
    {
        var (start, indices, values) = Make(rows, columns, sorted);
        int[] batch = Enumerable.Range(0, rows + 7).Select(i => i * 5 % rows).ToArray();
        float[] w = Samples.Uniform(1, columns * h), bias = Samples.Uniform(2, h), dy = Samples.Uniform(3, batch.Length * h);
        using var workers = new Workers(2);
        foreach (bool biased in new[] { false, true })
        {
            float[] y = new float[batch.Length * h], expected = new float[y.Length];
            SparseDense.Forward(workers, new CsrView(start, indices, values, columns), batch, w, h, biased ? bias : default, y);
            Reference.SparseForward(new CsrView(start, indices, values, columns), batch, w, h, biased ? bias : default, expected);
            Assert.InRange(Samples.RelativeDistance(y, expected), 0, 2e-6);
        }
        foreach (bool accumulate in new[] { false, true })
        {
            float[] dw = Samples.Uniform(4, columns * h), expected = [.. dw];
            byte[] touched = new byte[columns], touchedExpected = new byte[columns];
            Array.Fill(touched, (byte)9);
            SparseDense.BackwardWeights(workers, new CsrView(start, indices, values, columns), batch, dy, h, dw, accumulate, touched);
            Reference.SparseBackwardWeights(new CsrView(start, indices, values, columns), batch, dy, h, expected, accumulate, touchedExpected);
            Assert.InRange(Samples.RelativeDistance(dw, expected), 0, 2e-6);
            Assert.Equal(touchedExpected, touched);
        }
    }

    [Fact]
    public void A_view_of_some_rows_with_only_their_entries_in_memory_gives_the_same()
    {
        const int rows = 40, columns = 300, h = 12;
        var (start, indices, values) = Make(rows, columns, sorted: true);
        float[] w = Samples.Uniform(1, columns * h), whole = new float[10 * h], part = new float[10 * h];
        int[] batch = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], shifted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        SparseDense.Forward(Workers.Inline, new CsrView(start, indices, values, columns), batch, w, h, default, whole);
        int from = (int)start[10], to = (int)start[20];
        SparseDense.Forward(Workers.Inline, new CsrView(start.AsSpan(10, 11), indices.AsSpan(from..to), values.AsSpan(from..to), columns, from), shifted, w, h, default, part);
        Assert.Equal(Samples.Bits(whole), Samples.Bits(part));
    }

    [Fact]
    public void Has_the_same_bits_for_any_number_of_threads()
    {
        const int rows = 200, columns = 1500, h = 20;
        var (start, indices, values) = Make(rows, columns, sorted: true);
        int[] batch = Enumerable.Range(0, rows).ToArray();
        float[] w = Samples.Uniform(1, columns * h), dy = Samples.Uniform(2, rows * h);
        float[] y1 = new float[rows * h], y3 = new float[rows * h], d1 = new float[columns * h], d3 = new float[columns * h];
        using var three = new Workers(3);
        foreach (var (workers, y, d) in new[] { (Workers.Inline, y1, d1), (three, y3, d3) })
        {
            SparseDense.Forward(workers, new CsrView(start, indices, values, columns), batch, w, h, default, y);
            SparseDense.BackwardWeights(workers, new CsrView(start, indices, values, columns), batch, dy, h, d);
        }
        Assert.Equal(Samples.Bits(y1), Samples.Bits(y3));
        Assert.Equal(Samples.Bits(d1), Samples.Bits(d3));
    }

    [Fact]
    public void Rows_outside_the_matrix_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseDense.Forward(Workers.Inline, new CsrView([0, 1], [0], [1f], 1), [1], [1f], 1, default, new float[1]));
}
