using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>UMAP of all cells of a data set in bounded time: above a number of cells it is that of an even sample, among which the others are placed.</summary>
public static class CellMap
{
    /// <summary>Most cells that are laid out together.</summary>
    public const int MostTogether = 50_000;

    private const int FewestCells = 4;

    /// <summary>Adds <c>obsm['X_umap']</c> and <c>uns['umap']</c> from a representation in obsm, unless there are fewer than four cells.</summary>
    /// <param name="cells">The data set.</param>
    /// <param name="representation">Slot of obsm, such as <c>X_scsurv</c>.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="replace">Whether to put it in the place of an <c>X_umap</c> that is there already; otherwise that one stays.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <returns>What was done in one sentence; null when nothing was.</returns>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public static string? Add(AnnotatedData cells, string representation, long seed = 0, int threads = 0, bool replace = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        if ((cells.Obsm.ContainsKey("X_umap") && !replace) || cells.ObservationCount < FewestCells || !cells.Obsm.TryGet(representation, out DenseMatrix? points)) return null;
        var (coordinates, umap) = Of(points.ToSingle(), points.Columns, MostTogether, seed, threads, cancellation);
        cells.Obsm["X_umap"] = new DenseMatrix(cells.ObservationCount, 2, coordinates);
        ElementMap parameters = umap.Parameters();
        var settings = (ElementMap)parameters["params"];
        settings["use_rep"] = new Scalar(representation);
        settings["n_neighbors"] = new Scalar((long)umap.Graph.Neighbors.K + 1);
        settings["min_dist"] = new Scalar(umap.Options.MinimumDistance);
        settings["cells_laid_out"] = new Scalar((long)umap.Graph.Count);
        cells.Uns["umap"] = parameters;
        return umap.Graph.Count == cells.ObservationCount
            ? $"UMAP of {cells.ObservationCount:N0} cells by {representation}"
            : $"UMAP of {umap.Graph.Count:N0} of {cells.ObservationCount:N0} cells by {representation}, the others placed among them";
    }

    /// <summary>Positions of all cells in the plane.</summary>
    /// <param name="points">Representation, cells x d, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="most">Most cells that are laid out together.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Looked at between epochs.</param>
    /// <returns>Cells x 2, and the layout of those that were laid out together.</returns>
    public static (float[] Coordinates, Umap Umap) Of(float[] points, int dimensions, int most = MostTogether, long seed = 0, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        int n = points.Length / dimensions;
        var search = new NeighborOptions { Seed = seed, Threads = threads };
        var options = new UmapOptions { Seed = seed, Threads = threads };
        if (n <= most)
        {
            Umap all = Umap.Fit(NeighborGraph.Build(points, dimensions, search, cancellation), options, null, cancellation);
            return (all.Coordinates, all);
        }
        int[] order = new RandomStream(RandomKey.From(seed, "cells laid out together")).NextPermutation(n);
        int[] together = order[..most], others = order[most..];
        Array.Sort(together);
        Umap umap = Umap.Fit(NeighborGraph.Build(Rows(points, dimensions, together), dimensions, search, cancellation), options, null, cancellation);
        float[] placed = umap.Transform(Rows(points, dimensions, others), cancellation), result = new float[2 * n];
        for (int i = 0; i < together.Length; i++) umap.Coordinates.AsSpan(2 * i, 2).CopyTo(result.AsSpan(2 * together[i]));
        for (int i = 0; i < others.Length; i++) placed.AsSpan(2 * i, 2).CopyTo(result.AsSpan(2 * others[i]));
        return (result, umap);
    }

    private static float[] Rows(float[] points, int d, int[] rows)
    {
        var result = new float[rows.Length * d];
        for (int i = 0; i < rows.Length; i++) points.AsSpan(rows[i] * d, d).CopyTo(result.AsSpan(i * d));
        return result;
    }
}
