using Cellcast.AnnData;

namespace Cellcast.Analysis.Neighbors;

/// <summary>The neighbour graph of cells as scanpy keeps it: distances to the nearest cells, and UMAP's connectivities made of them.</summary>
public sealed class NeighborGraph
{
    private readonly NeighborOptions _options;

    private NeighborGraph(float[] points, int dimensions, NeighborOptions options, NeighborTable neighbors, SparseMatrix connectivities) =>
        (Points, Dimensions, _options, Neighbors, Connectivities) = (points, dimensions, options, neighbors, connectivities);

    /// <summary>Number of cells.</summary>
    public int Count => Connectivities.Rows;

    /// <summary>The representation that the neighbours are of, cells x <see cref="Dimensions"/>, row-major; the array given to <see cref="Build"/>.</summary>
    public float[] Points { get; }

    /// <summary>Dimensions of the representation.</summary>
    public int Dimensions { get; }

    /// <summary>The nearest other cells of each cell, one fewer than the neighbourhood's size.</summary>
    public NeighborTable Neighbors { get; }

    /// <summary>Weights of UMAP's fuzzy simplicial set, from 0 to 1: symmetric, cells x cells, nothing on the diagonal. scanpy's <c>obsp['connectivities']</c>.</summary>
    public SparseMatrix Connectivities { get; }

    /// <summary>Distances to the nearest other cells, cells x cells, not symmetric. scanpy's <c>obsp['distances']</c>.</summary>
    public SparseMatrix Distances()
    {
        var start = new long[Count + 1];
        for (int i = 0; i <= Count; i++) start[i] = (long)i * Neighbors.K;
        return SparseMatrix.FromUnsorted(Count, Count, start, [.. Neighbors.Indices], [.. Neighbors.Distances]);
    }

    /// <summary>scanpy's <c>uns['neighbors']</c>: where the matrices are and how they were made; beyond scanpy's keys, whether the search was exact and its measured recall.</summary>
    /// <param name="representation">Slot that the points came from, such as <c>X_pca</c>.</param>
    public ElementMap Parameters(string? representation = null)
    {
        var parameters = new ElementMap
        {
            ["n_neighbors"] = new Scalar((long)_options.Neighbors),
            ["method"] = new Scalar("umap"),
            ["random_state"] = new Scalar(_options.Seed),
            ["metric"] = new Scalar(Neighbors.Metric == DistanceMetric.Cosine ? "cosine" : "euclidean"),
        };
        if (representation is not null) parameters["use_rep"] = new Scalar(representation);
        parameters["n_pcs"] = new Scalar((long)Dimensions);
        parameters["exact"] = new Scalar(Neighbors.IsExact);
        parameters["recall"] = new Scalar(Neighbors.Recall);
        return new ElementMap
        {
            ["connectivities_key"] = new Scalar("connectivities"),
            ["distances_key"] = new Scalar("distances"),
            ["params"] = parameters,
        };
    }

    /// <summary>Finds the neighbours and weighs them.</summary>
    /// <param name="points">Representation of the cells (principal components, a latent state), cells x d, row-major; kept, not copied.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="InputException">There are fewer than two cells, or a coordinate is not finite.</exception>
    public static NeighborGraph Build(float[] points, int dimensions, NeighborOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        options ??= new NeighborOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Neighbors, 2, nameof(options));
        int n = points.Length / dimensions;
        if (n < 2) throw new InputException($"{n} cells have no neighbours; at least 2 are needed.");
        NeighborTable table = NearestNeighbors.Find(points, dimensions, options.Neighbors - 1, options, cancellation);
        float[] memberships = FuzzySimplicialSet.Memberships(table, table.K + 1, options.Threads);
        return new NeighborGraph(points, dimensions, options with { Neighbors = table.K + 1 }, table, FuzzySimplicialSet.Union(table, memberships, n));
    }
}
