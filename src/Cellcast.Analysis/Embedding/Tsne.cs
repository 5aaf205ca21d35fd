using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>t-SNE (van der Maaten and Hinton 2008; van der Maaten 2014): positions in the plane whose neighbourhoods are those of a representation.</summary>
public sealed class Tsne
{
    private const double StartDeviation = 1e-4;

    private Tsne(TsneOptions options, NeighborTable neighbors, float[] coordinates, double divergence) =>
        (Options, Neighbors, Coordinates, KullbackLeiblerDivergence) = (options, neighbors, coordinates, divergence);

    /// <summary>Settings.</summary>
    public TsneOptions Options { get; }

    /// <summary>The nearest other cells of each cell, about three times as many as the perplexity.</summary>
    public NeighborTable Neighbors { get; }

    /// <summary>Positions, cells x 2, row-major. scanpy's <c>obsm['X_tsne']</c>.</summary>
    public float[] Coordinates { get; }

    /// <summary>Kullback-Leibler divergence of the positions' similarities from the representation's, over the pairs of neighbours: what t-SNE makes small.</summary>
    public double KullbackLeiblerDivergence { get; }

    /// <summary>Lays cells out in the plane.</summary>
    /// <param name="points">Representation of the cells, cells x d, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="progress">Told the share of the work that is done.</param>
    /// <param name="cancellation">Looked at between steps.</param>
    /// <exception cref="InputException">A coordinate is not finite, or there are too few cells for the perplexity.</exception>
    public static Tsne Fit(float[] points, int dimensions, TsneOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        options ??= new TsneOptions();
        Check(options);
        int n = points.Length / Math.Max(1, dimensions);
        if (!(options.Perplexity < n)) throw new InputException($"a perplexity of {options.Perplexity} needs more than the {n} cells there are; ask for a smaller one.");
        var search = new NeighborOptions { Metric = options.Metric, Seed = options.Seed, Threads = options.Threads };
        NeighborTable table = NearestNeighbors.Find(points, dimensions, Math.Min(n - 1, (int)(3 * options.Perplexity + 1)), search, cancellation);
        SparseMatrix similarities = TsneSimilarities.Of(table, options.Perplexity, options.Threads);
        var (x, y) = Start(points, dimensions, n, options);
        var gradient = new TsneGradient(similarities, options.Angle, options.Threads);
        double rate = options.LearningRate ?? Math.Max(n / options.EarlyExaggeration / 4, 50);
        int early = Math.Min(options.ExaggerationIterations, options.Iterations);
        Descend(gradient, x, y, 0, early, (float)options.EarlyExaggeration, 0.5f, (float)rate, options, progress, cancellation);
        Descend(gradient, x, y, early, options.Iterations, 1, 0.8f, (float)rate, options, progress, cancellation);
        var coordinates = new float[2 * n];
        for (int i = 0; i < n; i++) (coordinates[2 * i], coordinates[2 * i + 1]) = (x[i], y[i]);
        return new Tsne(options, table, coordinates, gradient.Divergence(x, y));
    }

    private static void Check(TsneOptions o)
    {
        if (!(o.Perplexity > 1)) throw new ArgumentException($"a perplexity is above 1, not {o.Perplexity}", nameof(o));
        if (o.Iterations < 0 || o.ExaggerationIterations < 0 || !(o.EarlyExaggeration >= 1) || o.LearningRate <= 0 || !(o.Angle is >= 0 and <= 1))
            throw new ArgumentException("iterations are not negative, the early exaggeration is at least 1, the learning rate positive, the angle from 0 to 1", nameof(o));
    }

    private static (float[] X, float[] Y) Start(float[] points, int dimensions, int n, TsneOptions options)
    {
        double[] start;
        if (options.Start == EmbeddingStart.Random)
        {
            var random = new float[2 * n];
            RandomFill.Normal(RandomKey.From(options.Seed, "t-sne start"), random);
            start = Array.ConvertAll(random, v => StartDeviation * v);
        }
        else if (options.Start == EmbeddingStart.PrincipalComponents)
        {
            start = PrincipalAxes.Scores(points, dimensions, 2, options.Threads);
            double sum = 0;
            for (int i = 0; i < n; i++) sum += start[2 * i] * start[2 * i];
            double deviation = Math.Sqrt(sum / n);
            for (int i = 0; i < start.Length; i++) start[i] *= deviation > 0 ? StartDeviation / deviation : 0;
        }
        else throw new ArgumentException("t-SNE begins with principal components or at random", nameof(options));
        return ([.. Enumerable.Range(0, n).Select(i => (float)start[2 * i])], [.. Enumerable.Range(0, n).Select(i => (float)start[2 * i + 1])]);
    }

    /// <summary>Gradient descent with momentum; the step of each coordinate grows while its direction lasts (Jacobs 1988).</summary>
    private static void Descend(TsneGradient gradient, float[] x, float[] y, int from, int to, float exaggeration, float momentum, float rate, TsneOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        int n = x.Length;
        float[] gx = new float[n], gy = new float[n], stepX = new float[n], stepY = new float[n], gainX = new float[n], gainY = new float[n];
        Array.Fill(gainX, 1f);
        Array.Fill(gainY, 1f);
        for (int iteration = from; iteration < to; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            gradient.Compute(x, y, exaggeration, gx, gy);
            Move(x, gx, stepX, gainX, momentum, rate);
            Move(y, gy, stepY, gainY, momentum, rate);
            progress?.Report((iteration + 1.0) / options.Iterations);
        }
    }

    private static void Move(float[] x, float[] gradient, float[] step, float[] gain, float momentum, float rate)
    {
        for (int i = 0; i < x.Length; i++)
        {
            gain[i] = step[i] * gradient[i] < 0 ? gain[i] + 0.2f : Math.Max(0.01f, gain[i] * 0.8f);
            step[i] = momentum * step[i] - rate * gain[i] * gradient[i];
            x[i] += step[i];
        }
    }

    /// <summary>scanpy's <c>uns['tsne']</c>.</summary>
    public ElementMap Parameters() => new()
    {
        ["params"] = new ElementMap
        {
            ["perplexity"] = new Scalar(Options.Perplexity),
            ["early_exaggeration"] = new Scalar(Options.EarlyExaggeration),
            ["metric"] = new Scalar(Options.Metric == DistanceMetric.Cosine ? "cosine" : "euclidean"),
        },
    };
}
