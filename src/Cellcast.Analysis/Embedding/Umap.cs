using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// UMAP (McInnes, Healy and Melville 2018): positions in the plane or in space whose neighbourhoods are those of a neighbour graph.
/// </summary>
public sealed class Umap
{
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
        throw new NotImplementedException();
    }

    /// <summary>Places new cells among those of the graph, which stay where they are.</summary>
    /// <param name="points">New cells x the dimensions of the graph's representation, row-major.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <returns>New cells x <see cref="UmapOptions.Dimensions"/>, row-major.</returns>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public float[] Transform(float[] points, CancellationToken cancellation = default)
    {
        throw new NotImplementedException();
    }

    /// <summary>scanpy's <c>uns['umap']</c>: a, b and the seed.</summary>
    public ElementMap Parameters() => new()
    {
        ["params"] = new ElementMap { ["a"] = new Scalar(A), ["b"] = new Scalar(B), ["random_state"] = new Scalar(Options.Seed) },
    };
}
