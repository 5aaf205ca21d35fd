using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// UMAP (McInnes, Healy and Melville 2018): positions in the plane or in space whose neighbourhoods are those of a neighbour graph. The stochastic gradient descent goes by
/// vertex instead of by edge (<see cref="GraphLayout"/>), so that any number of threads gives the same bits.
/// </summary>
public sealed class Umap
{
    private const int LargeCells = 10_000, EpochsOfSmall = 500, EpochsOfLarge = 200;
    private const double StartExtent = 10, StartNoise = 1e-4;

    private Umap(NeighborGraph graph, UmapOptions options, float[] coordinates, double a, double b, int epochs) =>
        (Graph, Options, Coordinates, A, B, Epochs) = (graph, options, coordinates, a, b, epochs);

    /// <summary>The graph that was laid out.</summary>
    public NeighborGraph Graph { get; }

    /// <summary>Settings.</summary>
    public UmapOptions Options { get; }

    /// <summary>Positions, cells x <see cref="UmapOptions.Dimensions"/>, row-major. scanpy's <c>obsm['X_umap']</c>.</summary>
    public float[] Coordinates { get; }

    /// <summary>a of the curve 1 / (1 + a d^(2b)), fitted to the smallest distance and the spread.</summary>
    public double A { get; }

    /// <summary>b of the curve.</summary>
    public double B { get; }

    /// <summary>Passes over the edges.</summary>
    public int Epochs { get; }

    /// <summary>Lays a graph out.</summary>
    /// <param name="graph">Neighbour graph.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="progress">Told the share of the work that is done.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public static Umap Fit(NeighborGraph graph, UmapOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        options ??= new UmapOptions();
        Check(options);
        var (a, b) = UmapCurve.Fit(options.MinimumDistance, options.Spread);
        int epochs = options.Epochs ?? (graph.Count <= LargeCells ? EpochsOfSmall : EpochsOfLarge);
        float[] start = Start(graph, options, cancellation);
        float[] coordinates = LayoutRun.Vertices(graph.Connectivities, start, options, a, b, epochs, progress, cancellation);
        return new Umap(graph, options, coordinates, a, b, epochs);
    }

    /// <summary>Places new cells among those of the graph, which stay where they are.</summary>
    /// <param name="points">New cells x the dimensions of the graph's representation, row-major.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <returns>New cells x <see cref="UmapOptions.Dimensions"/>, row-major.</returns>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public float[] Transform(float[] points, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        int d = Options.Dimensions;
        NeighborTable near = NearestNeighbors.Search(Graph.Points, points, Graph.Dimensions, Graph.Neighbors.K + 1, Graph.Neighbors.Metric, Options.Threads, cancellation);
        float[] weights = FuzzySimplicialSet.Memberships(near, near.K, Options.Threads);
        var start = new float[near.Rows * d];
        for (int i = 0; i < near.Rows; i++)
        {
            double sum = 0;
            var at = new double[d];
            for (int j = 0; j < near.K; j++)
            {
                float w = weights[i * near.K + j];
                sum += w;
                for (int c = 0; c < d; c++) at[c] += (double)w * Coordinates[near.Indices[i * near.K + j] * d + c];
            }
            for (int c = 0; c < d; c++) start[i * d + c] = (float)(at[c] / sum);
        }
        int epochs = Math.Max(1, Options.Epochs is { } e ? e / 3 : near.Rows <= LargeCells ? 100 : 30);
        return LayoutRun.Among(near, weights, Coordinates, start, Options, A, B, epochs, cancellation);
    }

    /// <summary>scanpy's <c>uns['umap']</c>: a, b and the seed.</summary>
    public ElementMap Parameters() => new()
    {
        ["params"] = new ElementMap { ["a"] = new Scalar(A), ["b"] = new Scalar(B), ["random_state"] = new Scalar(Options.Seed) },
    };

    private static void Check(UmapOptions o)
    {
        if (o.Dimensions is not (2 or 3)) throw new ArgumentException($"UMAP gives 2 or 3 dimensions, not {o.Dimensions}", nameof(o));
        if (!(o.Spread > 0 && o.MinimumDistance >= 0 && o.MinimumDistance <= o.Spread)) throw new ArgumentException($"the smallest distance ({o.MinimumDistance}) lies between 0 and the spread ({o.Spread})", nameof(o));
        if (o.Epochs < 0 || o.NegativeSamples < 0 || !(o.LearningRate > 0) || !(o.Repulsion >= 0)) throw new ArgumentException("epochs, negative samples and repulsion are not negative, the learning rate is positive", nameof(o));
    }

    private static float[] Start(NeighborGraph graph, UmapOptions options, CancellationToken cancellation)
    {
        int d = options.Dimensions;
        var key = RandomKey.From(options.Seed, "umap start");
        float[] noise = new float[graph.Count * d];
        double[] start;
        if (options.Start == EmbeddingStart.Random)
        {
            RandomFill.Uniform(key.Split("uniform"), noise, -(float)StartExtent, (float)StartExtent);
            start = Array.ConvertAll(noise, v => (double)v);
        }
        else
        {
            start = options.Start == EmbeddingStart.Spectral ? SpectralStart.Of(graph, d, key.Split("spectral"), options.Threads, cancellation) : PrincipalAxes.Scores(graph.Points, graph.Dimensions, d, options.Threads);
            double scale = StartExtent / Math.Max(start.Max(Math.Abs), double.Epsilon);
            RandomFill.Normal(key.Split("noise"), noise);
            for (int i = 0; i < start.Length; i++) start[i] = start[i] * scale + StartNoise * noise[i];
        }
        // Each dimension from 0 to 10, as the published code begins.
        var result = new float[start.Length];
        for (int c = 0; c < d; c++)
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            for (int i = c; i < start.Length; i += d) (low, high) = (Math.Min(low, start[i]), Math.Max(high, start[i]));
            for (int i = c; i < start.Length; i += d) result[i] = (float)(high > low ? StartExtent * (start[i] - low) / (high - low) : 0);
        }
        return result;
    }
}
