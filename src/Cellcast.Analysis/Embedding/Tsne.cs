using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Embedding;

/// <summary>t-SNE (van der Maaten and Hinton 2008; van der Maaten 2014): positions in the plane whose neighbourhoods are those of a representation.</summary>
public sealed class Tsne
{
    private Tsne(TsneOptions options, float[] coordinates, double divergence) => (Options, Coordinates, KullbackLeiblerDivergence) = (options, coordinates, divergence);

    /// <summary>Settings.</summary>
    public TsneOptions Options { get; }

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
        throw new NotImplementedException();
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
