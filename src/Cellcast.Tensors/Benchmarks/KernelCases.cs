using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>The kernels at the sizes of the two models: scSurv with 1,000 cells x 5,000 genes, hidden 100, 300 patients; scRobust with hidden 512.</summary>
public static class KernelCases
{
    private const int Cells = 1000, Genes = 5000, Hidden = 100, Patients = 300;

    /// <summary>All of them.</summary>
    public static IEnumerable<KernelCase> All =>
    [
        Product("scSurv decoder forward, H W^T", false, true, Cells, Genes, Hidden),
        Product("scSurv decoder dW, dZ^T H", true, false, Genes, Hidden, Cells),
        Product("scSurv decoder dH, dZ W", false, false, Cells, Hidden, Genes),
        Product("scSurv bulk mean, p^T r", true, false, Patients, Genes, Cells),
        Product("scSurv bulk dp, r d^T", false, true, Cells, Patients, Genes),
        Product("square", false, false, 2048, 2048, 2048),
        Product("scRobust projection", false, true, 64_256, 512, 512),
        Product("scRobust feed-forward", false, true, 256, 2048, 512),
        Product("scRobust feed-forward gradient", true, false, 512, 2048, 32_128),
        Product("odd", false, false, 777, 333, 1001),
        Product("tall, transposed twice", true, true, 4001, 61, 517),
        Decoder("Poisson decoder, loss", negativeBinomial: false, gradients: false),
        Decoder("Poisson decoder, loss and gradients", negativeBinomial: false, gradients: true),
        Decoder("negative binomial decoder, loss and gradients", negativeBinomial: true, gradients: true),
        Bulk(),
        SparseForward(),
        SparseBackward(),
        Rows("softmax over cells", Cells, 400, 2, (w, x, y, s) => Softmax.Columns(w, x, Cells, 400, y)),
        Rows("softmax over cells, gradient", Cells, 400, 3, (w, x, y, s) => Softmax.ColumnsBackward(w, x, y, Cells, 400, y)),
        Rows("layer norm", 16_064, 512, 2, (w, x, y, s) => LayerNorm.Forward(w, x, 16_064, 512, 1e-5f, y, s)),
        Rows("layer norm, gradient", 16_064, 512, 3, (w, x, y, s) => LayerNorm.Backward(w, x, s, y, 16_064, 512, y)),
        Rows("column sums", 16_064, 512, 1, (w, x, y, s) => Reductions.ColumnSums(w, x, 16_064, 512, s)),
        Optimiser(),
        Function("exp", VectorMath.Exp),
        Function("log", VectorMath.Log),
        Function("softplus", VectorMath.Softplus),
        Function("tanh", VectorMath.Tanh),
        Function("erf", VectorMath.Erf),
        Function("GELU", VectorMath.Gelu),
        Function("GELU, tanh form", VectorMath.GeluTanh),
        Function("GELU gradient", (w, x, y) => VectorMath.GeluBackward(w, x, x, y)),
        Function("log Gamma", VectorMath.LogGamma),
        Function("digamma", VectorMath.Digamma),
        Function("log Gamma difference", (w, x, y) => VectorMath.LogGammaDifference(w, x, x, y)),
    ];

    private delegate void FunctionKernel(Workers workers, ReadOnlySpan<float> x, Span<float> y);

    private delegate void RowsKernel(Workers workers, float[] x, float[] y, float[] s);

    private static KernelCase Product(string name, bool transposeA, bool transposeB, int m, int n, int k) =>
        new("gemm", $"{name}: {m} x {n} x {k} {(transposeA ? 'T' : 'N')}{(transposeB ? 'T' : 'N')}", 2.0 * m * n * k, 0, (double)m * n, workers =>
        {
            // In memory like that of tensors.
            HostStorage a = Stored(Numbers(1, m * k, -1, 1)), b = Stored(Numbers(2, n * k, -1, 1)), c = Stored(new float[m * n]);
            return () => Gemm.Multiply(workers, transposeA, transposeB, m, n, k, a.Span, transposeA ? m : k, b.Span, transposeB ? k : n, c.Span, n);
        });

    private static HostStorage Stored(float[] values)
    {
        var storage = new HostStorage(values.Length, cleared: false);
        values.CopyTo(storage.Span);
        return storage;
    }

    private static KernelCase Decoder(string name, bool negativeBinomial, bool gradients) =>
        new("loss", $"{name}: {Cells} x {Genes} x {Hidden}, 19 % counts", (gradients ? 6.0 : 2.0) * Cells * Genes * Hidden, 0, (double)Cells * Genes, workers =>
        {
            var (start, columns, values) = Counts(0.19);
            float[] h = Numbers(1, Cells * Hidden, -1, 1), w = Numbers(2, Genes * Hidden, -0.1, 0.1), b = Numbers(3, Genes, -1, 1), theta = Numbers(4, Genes, 0.1, 3), sizes = Numbers(5, Cells, 0.1, 2);
            float[] dh = new float[h.Length], dw = new float[w.Length], db = new float[Genes], dt = new float[Genes];
            int[] rows = Enumerable.Range(0, Cells).ToArray();
            return () =>
            {
                var x = new CsrView(start, columns, values, Genes);
                DecoderGradients g = default;
                if (gradients) g = new DecoderGradients { Hidden = dh, Weight = dw, Bias = db, Dispersion = negativeBinomial ? dt : default };
                if (negativeBinomial) CountDecoderLoss.NegativeBinomial(workers, h, Hidden, w, b, x, rows, sizes, theta, 0, g);
                else CountDecoderLoss.Poisson(workers, h, Hidden, w, b, x, rows, sizes, 0, g);
            };
        });

    private static KernelCase Bulk() => new("loss", $"negative binomial, loss and gradients: {Patients} x {Genes}", 0, 12.0 * Patients * Genes, (double)Patients * Genes, workers =>
    {
        float[] mean = Numbers(1, Patients * Genes, 0, 1000), counts = [.. mean.Select(v => MathF.Floor(v * 1.1f))], theta = Numbers(2, Genes, 0.1, 3), dm = new float[mean.Length], dt = new float[Genes];
        return () => NegativeBinomialLoss.Evaluate(workers, mean, theta, counts, Patients, Genes, 0, dm, dt);
    });

    private static KernelCase SparseForward() => new("sparse", $"counts x W: {Cells} x {Genes} (19 %) x {Hidden}", 2 * 0.19 * Cells * Genes * Hidden, 0, Cells * Hidden, workers =>
    {
        var (start, columns, values) = Counts(0.19);
        float[] w = Numbers(1, Genes * Hidden, -1, 1), y = new float[Cells * Hidden];
        int[] rows = Enumerable.Range(0, Cells).ToArray();
        return () => SparseDense.Forward(workers, new CsrView(start, columns, values, Genes), rows, w, Hidden, default, y);
    });

    private static KernelCase SparseBackward() => new("sparse", $"counts^T dY: {Genes} x {Cells} (19 %) x {Hidden}", 2 * 0.19 * Cells * Genes * Hidden, 0, Genes * Hidden, workers =>
    {
        var (start, columns, values) = Counts(0.19);
        float[] dy = Numbers(1, Cells * Hidden, -1, 1), dw = new float[Genes * Hidden];
        int[] rows = Enumerable.Range(0, Cells).ToArray();
        return () => SparseDense.BackwardWeights(workers, new CsrView(start, columns, values, Genes), rows, dy, Hidden, dw);
    });

    private static KernelCase Rows(string name, int rows, int columns, int passes, RowsKernel kernel) =>
        new("rows", $"{name}: {rows} x {columns}", 0, 4.0 * passes * rows * columns, (double)rows * columns, workers =>
        {
            float[] x = Numbers(1, rows * columns, -1, 1), y = Numbers(2, rows * columns, 0.1, 1), s = Numbers(3, Math.Max(rows, columns), 0.1, 1);
            return () => kernel(workers, x, y, s);
        });

    private static KernelCase Optimiser()
    {
        const int n = 15_005 * 512;
        return new("rows", "AdamW: 15005 x 512", 0, 28.0 * n, n, workers =>
        {
            float[] p = Numbers(1, n, -1, 1), g = Numbers(2, n, -1, 1), m = new float[n], v = new float[n];
            return () => OptimizerSteps.AdamW(workers, p, g, m, v, new AdamSettings(1e-3, 0.9, 0.999, 1e-8, 0.01, 10));
        });
    }

    private static KernelCase Function(string name, FunctionKernel kernel)
    {
        const int n = 1 << 20;
        return new("functions", $"{name}: {n} elements", 0, 8.0 * n, n, workers =>
        {
            float[] x = Numbers(1, n, 0.1, 8), y = new float[n];
            return () => kernel(workers, x, y);
        });
    }

    private static float[] Numbers(int seed, int count, double low, double high)
    {
        var random = new System.Random(seed);
        var x = new float[count];
        for (int i = 0; i < count; i++) x[i] = (float)(low + (high - low) * random.NextDouble());
        return x;
    }

    private static (long[] Start, int[] Columns, float[] Values) Counts(double density)
    {
        var random = new System.Random(7);
        var start = new long[Cells + 1];
        List<int> columns = [];
        List<float> values = [];
        for (int r = 0; r < Cells; r++)
        {
            for (int g = 0; g < Genes; g++)
            {
                if (random.NextDouble() >= density) continue;
                columns.Add(g);
                values.Add(1 + random.Next(6));
            }
            start[r + 1] = columns.Count;
        }
        return (start, [.. columns], [.. values]);
    }
}
