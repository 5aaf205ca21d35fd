using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>Settings of <see cref="LogisticRegression"/>.</summary>
public sealed record LogisticRegressionOptions
{
    /// <summary>C: the weight of the data against the penalty. Larger means less shrinkage.</summary>
    public double C { get; init; } = 1;

    /// <summary>The fit ends when no derivative of the mean loss is larger, or by <see cref="Gap"/>.</summary>
    public double Tolerance { get; init; } = 1e-8;

    /// <summary>The fit also ends when the penalised loss is at most this share of itself above its minimum in the weights, by strong convexity, and no derivative by an intercept is larger; 0 to go by
    /// <see cref="Tolerance"/> alone. Smaller ones change the call of undecided cells only.</summary>
    public double Gap { get; init; } = 1e-4;

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
        if (start is not null && (start.GeneCount != genes || !start.Classes.SequenceEqual(classes)))
            throw new ArgumentException("the model to start from has other classes or genes", nameof(start));
        // Two softmax columns -w/2 and w/2 have half the squared norm of w.
        double penalty = (k == 2 ? 2 : 1) / (options.C * n);
        var loss = new SoftmaxLoss(expression, label, k, threads) { Penalty = penalty };
        double[] parameters = start is null ? new double[(genes + 1) * k] : [.. start._parameters];
        Blocks.AddScaled(1, loss.MeanLogits(parameters), parameters.AsSpan(genes * k));
        // The loss is strongly convex in the weights: it is less than |gradient|^2 / (2 penalty) above its minimum.
        bool Ends(double value, double[] gradient) => Lbfgs.Largest(gradient) <= options.Tolerance
            || (Lbfgs.Largest(gradient.AsSpan(genes * k)) <= options.Gap && Blocks.Dot(gradient, gradient) / (2 * penalty) <= options.Gap * value);
        var fit = Lbfgs.Minimize(loss.Evaluate, parameters, Ends, options.MaxIterations, cancellation);
        Blocks.AddScaled(-1, loss.MeanLogits(fit.Point), fit.Point.AsSpan(genes * k));
        return new LogisticRegression(classes, genes, fit.Point, fit.Iterations, fit.Converged || (fit.Stalled && fit.LargestDerivative <= 100 * options.Tolerance), fit.Value);
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
