using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>Settings of <see cref="LogisticRegression"/>.</summary>
public sealed record LogisticRegressionOptions
{
    /// <summary>C: the weight of the data against the penalty. Larger means less shrinkage.</summary>
    public double C { get; init; } = 1;

    /// <summary>The fit ends when no derivative of the mean loss is larger.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>Most iterations of the optimiser.</summary>
    public int MaxIterations { get; init; } = 1000;
}

/// <summary>
/// Multinomial logistic regression with L2 penalty on sparse expression, fitted by L-BFGS: minimises C sum of log losses + |W|^2 / 2, intercepts free. With two
/// classes there is one weight vector, as is usual.
/// </summary>
public sealed class LogisticRegression : ICellClassifier
{
    private readonly double[] _parameters; // (genes + 1) x classes, the intercepts last

    private LogisticRegression(string[] classes, int genes, double[] parameters, int iterations, bool converged, double loss)
    {
        (Classes, GeneCount, _parameters, Iterations, Converged, MeanLoss) = (classes, genes, parameters, iterations, converged, loss);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Number of genes.</summary>
    public int GeneCount { get; }

    /// <summary>Iterations of the optimiser.</summary>
    public int Iterations { get; }

    /// <summary>Whether the tolerance was reached.</summary>
    public bool Converged { get; }

    /// <summary>Mean log loss of the training cells plus penalty / (C n).</summary>
    public double MeanLoss { get; }

    /// <summary>Weight of a gene for a class.</summary>
    /// <param name="gene">Column of the gene.</param>
    /// <param name="class">Position of the class.</param>
    public double Weight(int gene, int @class) => _parameters[gene * Classes.Count + @class];

    /// <summary>Intercept of a class.</summary>
    /// <param name="class">Position of the class.</param>
    public double Intercept(int @class) => _parameters[GeneCount * Classes.Count + @class];

    /// <summary>Fits the model.</summary>
    /// <param name="expression">Cells x genes, usually log-normalised.</param>
    /// <param name="labels">Class of each cell.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="start">A model of the same classes and genes to start from, such as that of another C.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Stops the fit.</param>
    /// <exception cref="InputException">The lengths differ or there is only one class.</exception>
    public static LogisticRegression Train(SparseMatrix expression, IReadOnlyList<string> labels, LogisticRegressionOptions? options = null,
        LogisticRegression? start = null, int threads = 0, CancellationToken cancellation = default)
    {
        options ??= new LogisticRegressionOptions();
        if (!(options.C > 0)) throw new ArgumentOutOfRangeException(nameof(options), options.C, "C must be greater than 0");
        var (classes, label) = CellClassifier.Encode(expression, labels);
        int n = expression.Rows, genes = expression.Columns, k = classes.Length;
        // Two softmax columns -w/2 and w/2 have half the squared norm of w.
        double penalty = (k == 2 ? 2 : 1) / (options.C * n);
        var byGene = expression.Transpose();
        var residual = new double[(long)n * k];
        var losses = new double[n];

        double Objective(double[] w, double[] gradient)
        {
            Blocks.For(n, threads, i =>
            {
                Span<double> p = residual.AsSpan(i * k, k);
                Logits(expression, i, w, genes, p);
                double top = double.NegativeInfinity, own = p[label[i]];
                foreach (double z in p) top = Math.Max(top, z);
                double sum = 0;
                foreach (double z in p) sum += Math.Exp(z - top);
                losses[i] = top - own + Math.Log(sum);
                for (int c = 0; c < k; c++) p[c] = Math.Exp(p[c] - top) / sum / n;
                p[label[i]] -= 1.0 / n;
            });
            Blocks.For(genes + 1, threads, g =>
            {
                Span<double> d = gradient.AsSpan(g * k, k);
                d.Clear();
                if (g == genes)
                {
                    for (int i = 0; i < n; i++) Blocks.AddScaled(1, residual.AsSpan(i * k, k), d);
                    return;
                }
                ReadOnlySpan<int> cell = byGene.RowIndices(g);
                ReadOnlySpan<float> value = byGene.RowValues(g);
                for (int e = 0; e < cell.Length; e++) Blocks.AddScaled(value[e], residual.AsSpan(cell[e] * k, k), d);
                Blocks.AddScaled(penalty, w.AsSpan(g * k, k), d);
            });
            double loss = 0;
            foreach (double l in losses) loss += l;
            return loss / n + penalty * Blocks.Dot(w.AsSpan(0, genes * k), w.AsSpan(0, genes * k)) / 2;
        }

        if (start is not null && (start.GeneCount != genes || !start.Classes.SequenceEqual(classes)))
            throw new ArgumentException("the model to start from has other classes or genes", nameof(start));
        var fit = Lbfgs.Minimize(Objective, start?._parameters ?? new double[(genes + 1) * k], options.Tolerance, options.MaxIterations, cancellation);
        return new LogisticRegression(classes, genes, fit.Point, fit.Iterations, fit.Converged, fit.Value);
    }

    /// <inheritdoc/>
    public double[] Probabilities(SparseMatrix expression, int threads = 0)
    {
        CellClassifier.RequireGenes(expression, GeneCount);
        int k = Classes.Count;
        var p = new double[(long)expression.Rows * k];
        Blocks.For(expression.Rows, threads, i =>
        {
            Span<double> row = p.AsSpan(i * k, k);
            Logits(expression, i, _parameters, GeneCount, row);
            CellClassifier.Softmax(row);
        });
        return p;
    }

    private static void Logits(SparseMatrix x, int row, double[] w, int genes, Span<double> z)
    {
        int k = z.Length;
        w.AsSpan(genes * k, k).CopyTo(z);
        ReadOnlySpan<int> index = x.RowIndices(row);
        ReadOnlySpan<float> value = x.RowValues(row);
        for (int e = 0; e < index.Length; e++) Blocks.AddScaled(value[e], w.AsSpan(index[e] * k, k), z);
    }
}
