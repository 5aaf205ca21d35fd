using Cellcast.TestSupport;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class CountDecoderLossTests
{
    private sealed class Case
    {
        public required float[] Hidden, Weight, Bias, Theta, Sizes, Values;
        public required long[] RowStart;
        public required int[] Columns, Rows;
        public int H, Genes;

        public CsrView Counts => new(RowStart, Columns, Values, Genes);
    }

    /// <summary>A batch of rows, in mixed order, of a matrix of counts.</summary>
    private static Case Make(int cells, int genes, int h, bool sorted = true, double density = 0.2)
    {
        var random = new System.Random(cells * 31 + genes);
        int all = cells + 5;
        var start = new long[all + 1];
        List<int> columns = [];
        List<float> values = [];
        for (int r = 0; r < all; r++)
        {
            var row = Enumerable.Range(0, genes).Where(_ => random.NextDouble() < (r == 2 ? 0 : r == 3 ? 1 : density)).ToList();
            if (!sorted) row = row.OrderBy(_ => random.Next()).ToList();
            foreach (int c in row)
            {
                columns.Add(c);
                values.Add(1 + (float)Math.Floor(Math.Pow(random.NextDouble(), 8) * 300));
            }
            start[r + 1] = columns.Count;
        }
        return new Case
        {
            H = h,
            Genes = genes,
            Hidden = Samples.Uniform(1, cells * h, -1, 1),
            Weight = Samples.Uniform(2, genes * h, -0.5, 0.5),
            Bias = Samples.Uniform(3, genes, -4, 1),
            Theta = Samples.Uniform(4, genes, 0.01, 3),
            Sizes = Samples.Uniform(5, cells, 0.05, 3),
            Values = [.. values],
            Columns = [.. columns],
            RowStart = start,
            Rows = Enumerable.Range(0, cells).Select(i => (i * 7 + 3) % all).ToArray(),
        };
    }

    private sealed record Result(double Loss, float[] Hidden, float[] Weight, float[] Bias, float[] Theta);

    private static Result Compute(Workers? workers, Case c, bool negativeBinomial, bool accumulate = false)
    {
        float fill = accumulate ? 0.25f : float.NaN;
        float[] Filled(int n)
        {
            var x = new float[n];
            Array.Fill(x, fill);
            return x;
        }
        var r = new Result(0, Filled(c.Hidden.Length), Filled(c.Weight.Length), Filled(c.Bias.Length), Filled(negativeBinomial ? c.Bias.Length : 0));
        var g = new DecoderGradients { Hidden = r.Hidden, Weight = r.Weight, Bias = r.Bias, Dispersion = r.Theta, Accumulate = accumulate };
        double constant = CountDecoderLoss.LogFactorials(c.Counts, c.Rows);
        double loss = workers is null
            ? Reference.DecoderLoss(c.Hidden, c.H, c.Weight, c.Bias, c.Counts, c.Rows, c.Sizes, negativeBinomial ? c.Theta : default, constant, g)
            : negativeBinomial
                ? CountDecoderLoss.NegativeBinomial(workers, c.Hidden, c.H, c.Weight, c.Bias, c.Counts, c.Rows, c.Sizes, c.Theta, constant, g)
                : CountDecoderLoss.Poisson(workers, c.Hidden, c.H, c.Weight, c.Bias, c.Counts, c.Rows, c.Sizes, constant, g);
        return r with { Loss = loss };
    }

    private static void Near(Result actual, Result expected)
    {
        Assert.Equal(expected.Loss, actual.Loss, Math.Abs(expected.Loss) * 1e-6);
        Assert.InRange(Samples.RelativeDistance(actual.Hidden, expected.Hidden), 0, 3e-6);
        Assert.InRange(Samples.RelativeDistance(actual.Weight, expected.Weight), 0, 3e-6);
        Assert.InRange(Samples.RelativeDistance(actual.Bias, expected.Bias), 0, 3e-6);
        if (expected.Theta.Length > 0) Assert.InRange(Samples.RelativeDistance(actual.Theta, expected.Theta), 0, 3e-6);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 40, 5)]
    [InlineData(192, 256, 12)]
    [InlineData(193, 257, 13)]
    [InlineData(230, 700, 100)]
    [InlineData(2200, 60, 7)]
    public void Equals_the_reference(int cells, int genes, int h)
    {
        using var workers = new Workers(2);
        Case c = Make(cells, genes, h);
        foreach (bool negativeBinomial in new[] { false, true })
        {
            Near(Compute(workers, c, negativeBinomial), Compute(null, c, negativeBinomial));
            Near(Compute(workers, c, negativeBinomial, accumulate: true), Compute(null, c, negativeBinomial, accumulate: true));
        }
    }

    [Fact]
    public void Rows_that_are_not_sorted_are_as_good()
    {
        Case c = Make(50, 600, 20, sorted: false);
        Near(Compute(Workers.Inline, c, false), Compute(null, c, false));
    }

    [Fact]
    public void Zeros_that_are_stored_count_as_those_that_are_not()
    {
        Case c = Make(230, 700, 20);
        // In the second tile of cells and the first of genes, in a row's first and last entry, and a whole row of them.
        foreach (int row in new[] { 11, 200 })
        {
            c.Values[c.RowStart[row]] = 0;
            c.Values[c.RowStart[row + 1] - 1] = 0;
        }
        Array.Fill(c.Values, 0, (int)c.RowStart[50], (int)(c.RowStart[51] - c.RowStart[50]));
        foreach (bool negativeBinomial in new[] { false, true }) Near(Compute(Workers.Inline, c, negativeBinomial), Compute(null, c, negativeBinomial));
    }

    [Fact]
    public void Has_the_same_bits_for_any_number_of_threads()
    {
        Case c = Make(400, 1100, 30);
        foreach (bool negativeBinomial in new[] { false, true })
        {
            Result one = Compute(Workers.Inline, c, negativeBinomial);
            foreach (int threads in new[] { 2, 4 })
            {
                using var workers = new Workers(threads);
                Result many = Compute(workers, c, negativeBinomial);
                Assert.Equal(one.Loss, many.Loss);
                Assert.Equal(Samples.Bits(one.Hidden), Samples.Bits(many.Hidden));
                Assert.Equal(Samples.Bits(one.Weight), Samples.Bits(many.Weight));
                Assert.Equal(Samples.Bits(one.Bias), Samples.Bits(many.Bias));
                Assert.Equal(Samples.Bits(one.Theta), Samples.Bits(many.Theta));
            }
        }
    }

    [Fact]
    public void Loss_alone_is_the_same_loss()
    {
        Case c = Make(300, 520, 16);
        double with = Compute(Workers.Inline, c, false).Loss, constant = CountDecoderLoss.LogFactorials(c.Counts, c.Rows);
        Assert.Equal(with, CountDecoderLoss.Poisson(Workers.Inline, c.Hidden, c.H, c.Weight, c.Bias, c.Counts, c.Rows, c.Sizes, constant, default));
    }

    [Fact]
    public void Logits_far_below_zero_stay_finite()
    {
        Case c = Make(20, 40, 3);
        Array.Fill(c.Bias, -500f);
        foreach (bool negativeBinomial in new[] { false, true })
        {
            Result r = Compute(Workers.Inline, c, negativeBinomial);
            Assert.True(double.IsFinite(r.Loss));
            Assert.All(r.Weight, v => Assert.True(float.IsFinite(v)));
        }
        Array.Fill(c.Bias, 500f);
        Near(Compute(Workers.Inline, c, false), Compute(null, c, false));
    }

    [Fact]
    public void Allocates_nothing_once_warm()
    {
        Case c = Make(200, 600, 20);
        using var workers = new Workers(2);
        float[] dh = new float[c.Hidden.Length], dw = new float[c.Weight.Length], db = new float[c.Bias.Length];
        void Step() => CountDecoderLoss.Poisson(workers, c.Hidden, c.H, c.Weight, c.Bias, c.Counts, c.Rows, c.Sizes, 0, new DecoderGradients { Hidden = dh, Weight = dw, Bias = db });
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(Step));
    }
}
