using Cellcast.TestSupport;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class GemmTests
{
    public static TheoryData<int, int, int> Shapes()
    {
        var data = new TheoryData<int, int, int>();
        foreach (int m in new[] { 1, 2, 3, 4, 5, 12, 13, 31, 100 })
            foreach (int n in new[] { 1, 3, 4, 16, 20, 33, 67 })
                foreach (int k in new[] { 1, 7, 64, 300 }) data.Add(m, n, k);
        data.Add(500, 700, 100);
        data.Add(700, 100, 260);
        data.Add(100, 90, 2000);
        data.Add(30, 600, 999);
        data.Add(600, 30, 513);
        data.Add(250, 1100, 40);
        data.Add(900, 333, 70);
        data.Add(500, 265, 600);
        // Long rows and few columns: whole panels, half ones, and edges of one to four columns and more; some blocks, and many.
        data.Add(1100, 148, 256);
        data.Add(402, 300, 1003);
        data.Add(48, 16, 256);
        data.Add(49, 34, 700);
        data.Add(61, 100, 300);
        data.Add(77, 31, 513);
        data.Add(131, 20, 1301);
        data.Add(250, 40, 2600);
        data.Add(290, 157, 1281);
        data.Add(52, 51, 257);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Equals_the_reference_in_every_transposition(int m, int n, int k)
    {
        using var workers = new Workers(2);
        foreach (bool ta in new[] { false, true })
            foreach (bool tb in new[] { false, true })
                foreach (bool accumulate in new[] { false, true })
                {
                    // Leading dimensions larger than the rows; what lies between rows must stay as it is.
                    int lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 5, ldc = n + 2;
                    float[] a = Samples.Uniform(1, (ta ? k : m) * lda), b = Samples.Uniform(2, (tb ? n : k) * ldb), c = Samples.Uniform(3, m * ldc);
                    float[] expected = [.. c];
                    Reference.Multiply(ta, tb, m, n, k, a, lda, b, ldb, expected, ldc, accumulate);
                    Gemm.Multiply(workers, ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
                    for (int i = 0; i < c.Length; i++)
                    {
                        bool inside = i % ldc < n;
                        Assert.True(inside ? Math.Abs(c[i] - expected[i]) <= 2e-6 * Math.Sqrt(k) + 1e-6 : c[i] == expected[i],
                            $"{m}x{n}x{k} {ta} {tb} {accumulate}: row {i / ldc} column {i % ldc}: {c[i]} instead of {expected[i]}");
                    }
                }
    }

    [Fact]
    public void Factors_packed_on_the_way_give_the_product_of_the_turned_factor_and_the_same_bits_for_any_number_of_threads()
    {
        // Both factors across k, several blocks either way, several pieces of k with a short last one; rows and columns that fill no tile, and columns that lie powers of two apart.
        foreach (var (m, n, k, lda, ldb) in new[] { (490, 1090, 1111, 491, 1093), (481, 1930, 1060, 481, 2048) })
        {
            float[] a = Samples.Uniform(21, k * lda), b = Samples.Uniform(22, k * ldb), start = Samples.Uniform(23, m * n), turned = new float[m * k];
            for (int i = 0; i < m; i++)
                for (int p = 0; p < k; p++) turned[i * k + p] = a[p * lda + i];
            foreach (bool accumulate in new[] { false, true })
            {
                float[] expected = [.. start], one = [.. start];
                Gemm.Multiply(Workers.Inline, false, false, m, n, k, turned, k, b, ldb, expected, n, accumulate);
                Gemm.Multiply(Workers.Inline, true, false, m, n, k, a, lda, b, ldb, one, n, accumulate);
                for (int i = 0; i < one.Length; i++) Assert.True(Math.Abs(one[i] - expected[i]) <= 2e-6 * Math.Sqrt(k) + 1e-6, $"row {i / n} column {i % n}: {one[i]} instead of {expected[i]}");
                foreach (int threads in new[] { 2, 3 })
                {
                    using var workers = new Workers(threads);
                    float[] many = [.. start];
                    Gemm.Multiply(workers, true, false, m, n, k, a, lda, b, ldb, many, n, accumulate);
                    Assert.Equal(Samples.Bits(one), Samples.Bits(many));
                }
            }
        }
    }

    [Fact]
    public void Integer_products_are_exact()
    {
        foreach (var (m, n, k) in new[] { (130, 270, 410), (130, 52, 1410), (490, 256, 300) })
        {
            float[] a = Samples.Uniform(4, m * k, -8, 8).Select(v => MathF.Round(v)).ToArray(), b = Samples.Uniform(5, k * n, -8, 8).Select(v => MathF.Round(v)).ToArray();
            float[] c = new float[m * n], expected = new float[m * n];
            Gemm.Multiply(Workers.Inline, false, false, m, n, k, a, k, b, n, c, n);
            Reference.Multiply(false, false, m, n, k, a, k, b, n, expected, n, false);
            Assert.Equal(expected, c);
        }
    }

    [Fact]
    public void Has_the_same_bits_for_any_number_of_threads()
    {
        foreach (var (m, n, k, tb) in new[] { (300, 1000, 700, true), (1000, 100, 900, true), (900, 700, 64, true), (2, 3000, 300, true), (1000, 100, 2700, false), (331, 38, 1000, false), (1000, 260, 1200, true), (401, 36, 1300, true), (777, 333, 600, false), (1500, 40, 300, false), (700, 256, 300, false) })
        {
            float[] a = Samples.Uniform(6, m * k), b = Samples.Uniform(7, k * n), one = new float[m * n];
            Gemm.Multiply(Workers.Inline, false, tb, m, n, k, a, k, b, tb ? k : n, one, n);
            foreach (int threads in new[] { 2, 3, 5 })
            {
                using var workers = new Workers(threads);
                var many = new float[m * n];
                Gemm.Multiply(workers, false, tb, m, n, k, a, k, b, tb ? k : n, many, n);
                Assert.Equal(Samples.Bits(one), Samples.Bits(many));
            }
        }
    }

    [Fact]
    public void Has_the_same_bits_whatever_way_the_number_of_threads_leads_to()
    {
        // Long k, one block of columns or several, strips of rows for few threads and other blocks for many.
        foreach (var (m, n, k, ta) in new[] { (500, 512, 9300, true), (777, 333, 6200, false) })
        {
            float[] a = Samples.Uniform(24, m * k), b = Samples.Uniform(25, k * n), one = new float[m * n];
            Gemm.Multiply(Workers.Inline, ta, false, m, n, k, a, ta ? m : k, b, n, one, n);
            foreach (int threads in new[] { 2, 20 })
            {
                using var workers = new Workers(threads);
                var many = new float[m * n];
                Gemm.Multiply(workers, ta, false, m, n, k, a, ta ? m : k, b, n, many, n);
                Assert.Equal(Samples.Bits(one), Samples.Bits(many));
            }
        }
    }

    [Fact]
    public void Epilogue_sees_every_finished_element_once()
    {
        foreach (var (m, n, k) in new[] { (40, 333, 300), (333, 100, 300), (61, 36, 1300), (2, 700, 30), (700, 2, 30), (5, 5, 0) })
        {
            float[] a = Samples.Uniform(8, m * k), b = Samples.Uniform(9, k * n), bias = Samples.Uniform(10, n), c = new float[m * n], expected = new float[m * n];
            unsafe
            {
                fixed (float* p = bias) Gemm.Multiply(Workers.Inline, false, false, m, n, k, a, k, b, n, c, n, false, new BiasEpilogue(p));
            }
            Reference.Multiply(false, false, m, n, k, a, k, b, n, expected, n, false);
            for (int i = 0; i < c.Length; i++) expected[i] += bias[i % n];
            Assert.True(Samples.RelativeDistance(c, expected) < 1e-6);
        }
    }

    [Fact]
    public void Not_a_number_in_one_row_stays_in_that_row()
    {
        const int m = 50, n = 50;
        foreach (int k in new[] { 50, 301 })
        {
            float[] a = Samples.Uniform(11, m * k), b = Samples.Uniform(12, k * n), c = new float[m * n];
            a[7 * k + 3] = float.NaN;
            Gemm.Multiply(Workers.Inline, false, false, m, n, k, a, k, b, n, c, n);
            for (int i = 0; i < c.Length; i++) Assert.Equal(i / n == 7, float.IsNaN(c[i]));
        }
    }

    [Fact]
    public void Allocates_nothing_once_warm()
    {
        const int m = 200, n = 600, k = 300;
        float[] a = new float[m * k], b = new float[k * n], c = new float[m * n];
        using var workers = new Workers(2);
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(() => Gemm.Multiply(workers, true, false, m, n, k, a, m, b, n, c, n)));
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(() => Gemm.Multiply(workers, false, false, m, 100, k, a, k, b, 100, c, 100)));
        // Both factors across k and several pieces of it, packed on the way.
        float[] longA = new float[1100 * 490], longB = new float[1100 * n], longC = new float[490 * n];
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(() => Gemm.Multiply(workers, true, false, 490, n, 1100, longA, 490, longB, n, longC, n)));
    }

    [Fact]
    public void Short_spans_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Workers.Inline, false, false, 3, 3, 3, new float[8], 3, new float[9], 3, new float[9], 3));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Workers.Inline, false, false, 3, 3, 3, new float[9], 2, new float[9], 3, new float[9], 3));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Workers.Inline, false, false, 3, 3, 3, new float[9], 3, new float[9], 3, new float[8], 3));
    }
}
