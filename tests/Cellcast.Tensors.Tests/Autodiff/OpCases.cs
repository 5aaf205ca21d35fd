using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Autodiff;

/// <summary>One operation: how to call it, and the same in double precision, written down as plainly as possible.</summary>
/// <param name="Name">Of the operation, and of the variant.</param>
/// <param name="Shapes">Shapes of the differentiable inputs, from rows and columns.</param>
/// <param name="Operation">Calls it.</param>
/// <param name="Reference">The truth, from the inputs' values.</param>
/// <param name="Low">Inputs are uniform from here ...</param>
/// <param name="High">... to here.</param>
public sealed record OpCase(string Name, Func<int, int, int[][]> Shapes, Func<Tape, Parameter[], Tensor> Operation, Func<double[][], int, int, double[]> Reference,
    float Low = -1.5f, float High = 1.5f)
{
    public Parameter[] Inputs(int rows, int columns) =>
        [.. Shapes(rows, columns).Select((shape, i) =>
        {
            var p = new Parameter($"input{i}", shape);
            RandomFill.Uniform(RandomKey.From(7, Name).Split(rows).Split(columns).Split(i), p.Span, Low, High);
            return p;
        })];

    public override string ToString() => Name;
}

public static class OpCases
{
    public static IEnumerable<OpCase> All =>
    [
        Unary("Exp", Op.Exp, Math.Exp), Unary("Log", Op.Log, Math.Log, 0.2f, 4), Unary("Softplus", Op.Softplus, Reference.Softplus, -9, 25),
        Unary("Sigmoid", Op.Sigmoid, Reference.Sigmoid, -9, 9), Unary("Tanh", Op.Tanh, Math.Tanh, -3, 3), Unary("Gelu", Op.Gelu, Reference.Gelu, -4, 4),
        Unary("GeluTanh", Op.GeluTanh, Reference.GeluTanh, -4, 4), Unary("Elu", Op.Elu, x => x > 0 ? x : Math.Exp(x) - 1, -3, 3, avoidZero: true),
        Unary("Relu", Op.Relu, x => Math.Max(x, 0), avoidZero: true), Unary("Square", Op.Square, x => x * x), Unary("Sqrt", Op.Sqrt, Math.Sqrt, 0.2f, 4),
        Unary("Scale", x => Op.Scale(x, -2.5f), x => -2.5 * x), Unary("AddScalar", x => Op.AddScalar(x, 0.75f), x => x + 0.75),
        .. Binaries("Add", Op.Add, (a, b) => a + b), .. Binaries("Subtract", Op.Subtract, (a, b) => a - b),
        .. Binaries("Multiply", Op.Multiply, (a, b) => a * b), .. Binaries("Divide", Op.Divide, (a, b) => a / b),
        new("Multiply by itself", (r, c) => [[r, c]], (t, p) => Op.Multiply(t.Use(p[0]), p[0]), (x, r, c) => [.. x[0].Select(v => v * v)]),
        .. MatMuls(),
        new("Linear", (r, c) => [[r, c], [5, c], [5]], (t, p) => Op.Linear(t.Use(p[0]), p[1], p[2]),
            (x, r, c) => Grid(r, 5, (i, j) => x[2][j] + Sum(c, k => x[0][i * c + k] * x[1][j * c + k]))),
        new("Linear without bias", (r, c) => [[r, c], [3, c]], (t, p) => Op.Linear(t.Use(p[0]), p[1]),
            (x, r, c) => Grid(r, 3, (i, j) => Sum(c, k => x[0][i * c + k] * x[1][j * c + k]))),
        new("LayerNorm", (r, c) => [[r, c]], (t, p) => Op.LayerNorm(t.Use(p[0])), (x, r, c) => PerRow(x[0], r, c, row =>
        {
            double mean = row.Average(), variance = row.Average(v => (v - mean) * (v - mean));
            return row.Select(v => (v - mean) / Math.Sqrt(variance + 1e-5));
        })),
        new("NormalizeRows", (r, c) => [[r, c]], (t, p) => Op.NormalizeRows(t.Use(p[0])), (x, r, c) => PerRow(x[0], r, c, row =>
            row.Select(v => v / Math.Sqrt(row.Sum(w => w * w)))), 0.3f, 1.5f),
        new("SoftmaxRows", (r, c) => [[r, c]], (t, p) => Op.SoftmaxRows(t.Use(p[0])), (x, r, c) => PerRow(x[0], r, c, SoftmaxOf)),
        new("SoftmaxColumns", (r, c) => [[r, c]], (t, p) => Op.SoftmaxColumns(t.Use(p[0])), (x, r, c) => Turn(PerRow(Turn(x[0], r, c), c, r, SoftmaxOf), c, r)),
        new("LogSumExp", (r, c) => [[r, c]], (t, p) => Op.LogSumExp(t.Use(p[0])), (x, r, c) => PerRow(x[0], r, c, row => [Math.Log(row.Sum(Math.Exp))])),
        new("Sum", (r, c) => [[r, c]], (t, p) => Op.Sum(t.Use(p[0])), (x, r, c) => [x[0].Sum()], 0, 1),
        new("Mean", (r, c) => [[r, c]], (t, p) => Op.Mean(t.Use(p[0])), (x, r, c) => [x[0].Average()], 0, 1),
        new("RowSum", (r, c) => [[r, c]], (t, p) => Op.RowSum(t.Use(p[0])), (x, r, c) => PerRow(x[0], r, c, row => [row.Sum()])),
        new("ColumnSum", (r, c) => [[r, c]], (t, p) => Op.ColumnSum(t.Use(p[0])), (x, r, c) => PerRow(Turn(x[0], r, c), c, r, row => [row.Sum()])),
        new("DotRows", (r, c) => [[r, c], [r, c]], (t, p) => Op.DotRows(t.Use(p[0]), p[1]), (x, r, c) => Grid(r, 1, (i, _) => Sum(c, k => x[0][i * c + k] * x[1][i * c + k]))),
        new("Transpose", (r, c) => [[r, c]], (t, p) => Op.Transpose(t.Use(p[0])), (x, r, c) => Turn(x[0], r, c)),
        new("Reshape", (r, c) => [[r, c]], (t, p) => Op.Square(Op.Reshape(t.Use(p[0]), p[0].Columns, p[0].Rows)), (x, r, c) => [.. x[0].Select(v => v * v)]),
        new("ConcatColumns", (r, c) => [[r, c], [r, 2], [r, 1]], (t, p) => Op.ConcatColumns(t.Use(p[0]), p[1], p[2]),
            (x, r, c) => Grid(r, c + 3, (i, j) => j < c ? x[0][i * c + j] : j < c + 2 ? x[1][i * 2 + j - c] : x[2][i])),
        new("SliceColumns", (r, c) => [[r, c]], (t, p) => Op.SliceColumns(t.Use(p[0]), p[0].Columns / 2, p[0].Columns - p[0].Columns / 2),
            (x, r, c) => Grid(r, c - c / 2, (i, j) => x[0][i * c + c / 2 + j])),
        new("SliceRows", (r, c) => [[r, c]], (t, p) => Op.SliceRows(t.Use(p[0]), p[0].Rows / 2, p[0].Rows - p[0].Rows / 2), (x, r, c) => x[0][(r / 2 * c)..]),
        new("GatherRows", (r, c) => [[r, c]], (t, p) => Op.GatherRows(t, p[0], Codes(9, p[0].Rows)), (x, r, c) => PerRow([.. Codes(9, r).Select(v => (double)v)], 9, 1, row => x[0][((int)row[0] * c)..((int)row[0] * c + c)])),
        new("Dropout", (r, c) => [[r, c]], (t, p) => Op.Dropout(t.Use(p[0]), 0.3f, DropoutKey), (x, r, c) => [.. x[0].Select((v, i) => DropoutKey.Bits(i) >= 0.3f * 4294967296.0 ? v / 0.7 : 0)]),
        new("Reparameterize", (r, c) => [[r, c], [r, c]], (t, p) => Op.Reparameterize(t.Use(p[0]), p[1], t.Input(Constants(p[0].Length), p[0].Shape)),
            (x, r, c) => [.. x[0].Select((v, i) => v + x[1][i] * Constant(i))]),
        new("KlStandardNormal", (r, c) => [[r, c], [r, c]], (t, p) => Op.KlStandardNormal(t.Use(p[0]), p[1]),
            (x, r, c) => [x[0].Select((m, i) => 0.5 * (x[1][i] * x[1][i] + m * m - 1 - Math.Log(x[1][i] * x[1][i]))).Sum()], 0.2f, 2),
        new("CrossEntropy", (r, c) => [[r, c]], (t, p) => Op.CrossEntropy(t.Use(p[0]), Codes(p[0].Rows, p[0].Columns)),
            (x, r, c) => [PerRow(x[0], r, c, row => [Math.Log(row.Sum(Math.Exp))]).Select((v, i) => v - x[0][i * c + Codes(r, c)[i]]).Average()]),
        new("MeanSquaredError", (r, c) => [[r, c], [r, c]], (t, p) => Op.MeanSquaredError(t.Use(p[0]), p[1]), (x, r, c) => [x[0].Select((v, i) => (v - x[1][i]) * (v - x[1][i])).Average()]),
        SparseLinear("SparseLinear", 0, bias: true), SparseLinear("SparseLinear with one-hot columns", 3, bias: true), SparseLinear("SparseLinear without bias", 2, bias: false),
        new("NegativeBinomialLoss", (r, c) => [[r, c], [c]], (t, p) => Op.NegativeBinomialLoss(t.Use(p[0]), p[1], t.Input(CountsOf(p[0].Rows, p[0].Columns), p[0].Shape)),
            (x, r, c) => [CountsOf(r, c).Select((n, i) => NegativeBinomial(x[0][i], x[1][i % c], n)).Sum()], 0.3f, 3),
        MixtureDecoder(),
        Decoder("PoissonDecoderLoss", withTheta: false), Decoder("NegativeBinomialDecoderLoss", withTheta: true),
        new("two uses of one tensor", (r, c) => [[r, c]], (t, p) => Twice(t.Use(p[0])), (x, r, c) => [.. x[0].Select(v => v * v * Math.Exp(v) + v)]),
    ];

    /// <summary>Operations that make no sense on a single column.</summary>
    public static IEnumerable<OpCase> Wide =>
    [
        new("LayerNormAffine", (r, c) => [[r, c], [c], [c]], (t, p) => Op.LayerNormAffine(t.Use(p[0]), p[1], p[2]), (x, r, c) => PerRow(x[0], r, c, row =>
        {
            double mean = row.Average(), sd = Math.Sqrt(row.Sum(v => (v - mean) * (v - mean)) / (c - 1));
            return row.Select((v, j) => x[1][j] * (v - mean) / (sd + 1e-6) + x[2][j]);
        })),
    ];

    private static RandomKey DropoutKey => RandomKey.From(3, "dropout");

    private static Tensor Twice(Tensor x) => Op.Add(Op.Multiply(Op.Square(x), Op.Exp(x)), x);

    private static OpCase Unary(string name, Func<Tensor, Tensor> operation, Func<double, double> truth, float low = -1.5f, float high = 1.5f, bool avoidZero = false) =>
        avoidZero
            // Differences across a kink are no derivative: two inputs, one on either side.
            ? new OpCase(name, (r, c) => [[r, c], [r, c]], (t, p) => Op.ConcatColumns(operation(Op.AddScalar(t.Use(p[0]), 0.1f)), operation(Op.AddScalar(Op.Scale(t.Use(p[1]), -1), -0.1f))),
                (x, r, c) => Grid(r, 2 * c, (i, j) => j < c ? truth(x[0][i * c + j] + 0.1f) : truth(-x[1][i * c + j - c] - 0.1f)), 0, high)
            : new OpCase(name, (r, c) => [[r, c]], (t, p) => operation(t.Use(p[0])), (x, r, c) => [.. x[0].Select(truth)], low, high);

    private static IEnumerable<OpCase> Binaries(string name, Func<Tensor, Tensor, Tensor> operation, Func<double, double, double> truth)
    {
        (string, Func<int, int, int[]>, Func<int, int, int>)[] spreads =
            [("", (r, c) => [r, c], (i, c) => i), (" row", (r, c) => [c], (i, c) => i % c), (" column", (r, c) => [r, 1], (i, c) => i / c), (" number", (r, c) => [1], (i, c) => 0)];
        foreach (var (spread, shape, index) in spreads)
            yield return new OpCase(name + spread, (r, c) => [[r, c], shape(r, c)], (t, p) => operation(t.Use(p[0]), p[1]),
                (x, r, c) => [.. x[0].Select((v, i) => truth(v, x[1][index(i, c)]))], 0.4f, 2);
    }

    private static IEnumerable<OpCase> MatMuls()
    {
        foreach (bool ta in new[] { false, true })
            foreach (bool tb in new[] { false, true })
                yield return new OpCase($"MatMul {(ta ? "T" : "N")}{(tb ? "T" : "N")}", (r, c) => [ta ? [c, r] : [r, c], tb ? [4, c] : [c, 4]],
                    (t, p) => Op.MatMul(t.Use(p[0]), p[1], ta, tb),
                    (x, r, c) => Grid(r, 4, (i, j) => Sum(c, k => x[0][ta ? k * r + i : i * c + k] * x[1][tb ? j * c + k : k * 4 + j])));
    }

    private static OpCase SparseLinear(string name, int extra, bool bias)
    {
        static int[] CodesOf(int rows, int extra) => extra == 0 ? [] : [.. Codes(rows, extra + 1).Select(v => v - 1)];
        return new OpCase(name, (r, c) => bias ? [[c + extra, 6], [6]] : [[c + extra, 6]],
            (t, p) =>
            {
                int genes = p[0].Rows - extra;
                return Op.SparseLinear(t, SparseOf(7, genes), CodesOf(7, extra), p[0], bias ? p[1] : null);
            },
            (x, r, c) =>
            {
                float[] counts = CountsOf(7, c);
                int[] codes = CodesOf(7, extra);
                return Grid(7, 6, (i, j) => (bias ? x[1][j] : 0) + Sum(c, k => counts[i * c + k] * x[0][k * 6 + j]) + (extra > 0 && codes[i] >= 0 ? x[0][(c + codes[i]) * 6 + j] : 0));
            });
    }

    private static OpCase Decoder(string name, bool withTheta)
    {
        static float[] Sizes(int rows) => [.. Enumerable.Range(0, rows).Select(i => 0.5f + i % 3)];
        return new OpCase(name, (r, c) => withTheta ? [[r, 4], [c, 4], [c], [c]] : [[r, 4], [c, 4], [c]],
            (t, p) => withTheta
                ? Op.NegativeBinomialDecoderLoss(t.Use(p[0]), p[1], p[2], p[3], Sizes(p[0].Rows), SparseOf(p[0].Rows, p[1].Rows))
                : Op.PoissonDecoderLoss(t.Use(p[0]), p[1], p[2], Sizes(p[0].Rows), SparseOf(p[0].Rows, p[1].Rows)),
            (x, r, c) =>
            {
                float[] counts = CountsOf(r, c), sizes = Sizes(r);
                return [Sum(r * c, i =>
                {
                    double logit = x[2][i % c] + Sum(4, k => x[0][i / c * 4 + k] * x[1][i % c * 4 + k]);
                    double mean = sizes[i / c] * Reference.Softplus(logit);
                    return withTheta ? NegativeBinomial(mean, x[3][i % c], counts[i]) : mean + 1e-10 - counts[i] * Math.Log(mean + 1e-10) + Reference.LogGamma(counts[i] + 1.0);
                })];
            }, 0.1f, 1.5f);
    }

    private static OpCase MixtureDecoder()
    {
        const int Genes = 41, Hidden = 3;
        static Tensor Fixed(Tape t, int n, int columns, float scale) => t.Input([.. Enumerable.Range(0, n).Select(i => scale * Constant(i))], n / columns, columns);
        static double Rate(int cell, int gene) => Reference.Softplus(0.5f * Constant(gene) + Sum(Hidden, k => (double)Constant(cell * Hidden + k) * Constant(gene * Hidden + k)));
        return new OpCase("MixtureDecoderLoss", (r, c) => [[r, c], [Genes], [Genes], [Genes]],
            (t, p) => Op.MixtureDecoderLoss(t.Use(p[0]), Fixed(t, p[0].Rows * Hidden, Hidden, 1), Fixed(t, Genes * Hidden, Hidden, 1), Fixed(t, Genes, 1, 0.5f), p[1], p[2], p[3],
                t.Input([.. Enumerable.Range(0, p[0].Columns).Select(i => 0.5f + i % 3)], p[0].Columns, 1), t.Input(CountsOf(p[0].Columns, Genes), p[0].Columns, Genes)),
            (x, r, c) =>
            {
                double[] rates = Grid(r, Genes, Rate);
                return [CountsOf(c, Genes).Select((n, i) =>
                {
                    int s = i / Genes, g = i % Genes;
                    return NegativeBinomial((0.5 + s % 3) * (Sum(r, k => x[0][k * c + s] * rates[k * Genes + g]) * x[1][g] + x[2][g]), x[3][g], n);
                }).Sum()];
            }, 0.3f, 3);
    }

    private static double NegativeBinomial(double mu, double theta, double x)
    {
        mu += 1e-10;
        theta += 1e-10;
        return Reference.LogGamma(theta) + Reference.LogGamma(x + 1) - Reference.LogGamma(theta + x) - theta * Math.Log(theta / (theta + mu)) - x * Math.Log(mu / (theta + mu));
    }

    private static IEnumerable<double> SoftmaxOf(double[] row)
    {
        double sum = row.Sum(Math.Exp);
        return row.Select(v => Math.Exp(v) / sum);
    }

    private static double Sum(int count, Func<int, double> term)
    {
        double sum = 0;
        for (int i = 0; i < count; i++) sum += term(i);
        return sum;
    }

    private static double[] Grid(int rows, int columns, Func<int, int, double> value)
    {
        double[] grid = new double[rows * columns];
        for (int i = 0; i < grid.Length; i++) grid[i] = value(i / columns, i % columns);
        return grid;
    }

    private static double[] PerRow(double[] x, int rows, int columns, Func<double[], IEnumerable<double>> f) => [.. Enumerable.Range(0, rows).SelectMany(r => f(x[(r * columns)..((r + 1) * columns)]))];

    private static double[] Turn(double[] x, int rows, int columns) => Grid(columns, rows, (i, j) => x[j * columns + i]);

    private static int[] Codes(int count, int bound) => [.. Enumerable.Range(0, count).Select(i => (7 * i + i * i / 3 + 1) % bound)];

    private static float[] Constants(int count) => [.. Enumerable.Range(0, count).Select(Constant)];

    private static float Constant(int i) => MathF.Sin(1 + 3 * i);

    private static float[] CountsOf(int rows, int columns) => [.. Enumerable.Range(0, rows * columns).Select(i => (float)(i * 5 % 7 > 2 ? 0 : i * 3 % 11))];

    private static SparseRows SparseOf(int rows, int columns) => SparseRows.FromDense(CountsOf(rows, columns), rows, columns);
}
