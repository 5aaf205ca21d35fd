using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// The networks and losses of scSurv (models of the paper: encoder, expression decoder, bulk and spatial decoders, hazard decoder).
/// Knows nothing of files, epochs or optimisers. Parameter names are those of the published state dict.
/// </summary>
/// <remarks>Shapes: C cells of a minibatch, G genes, K samples (at least one column, zero when none is given), S patients, P spots.</remarks>
public sealed class ScSurvModule : Module
{
    /// <summary>Builds the networks with freshly drawn weights.</summary>
    /// <param name="sizes">Dimensions.</param>
    /// <param name="key">Key of the initial weights; each parameter draws from its own branch of it, named as the parameter.</param>
    public ScSurvModule(ScSurvSizes sizes, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        Sizes = sizes;
        var (genes, samples, patients, spots, z, h, blocks) = sizes;
        Encoder = Register(new Encoder("enc_z", genes + samples, h, z, blocks, key));
        Expression = Register(new Decoder("dec_z2x", z + samples, h, genes, blocks, key));
        Bulk = Register(new Decoder("dec_z2p_bulk", z, h, patients, blocks, key));
        Hazard = Register(new Decoder("dec_beta_z", z, h, 1, blocks, key));
        BulkGenes = Register(new GeneParameters("bulk", genes));
        CellDispersion = Register(new Parameter("logtheta_x", genes));
        if (spots == 0) return;
        Spatial = Register(new Decoder("dec_z2p_spatial", z, h, spots, blocks, key));
        SpatialGenes = Register(new GeneParameters("spatial", genes));
    }

    /// <summary>Dimensions.</summary>
    public ScSurvSizes Sizes { get; }

    /// <summary>Counts to the posterior of the latent state.</summary>
    public Encoder Encoder { get; }

    /// <summary>[z, o] to the logits of the expression rates.</summary>
    public Decoder Expression { get; }

    /// <summary>z to one logit per patient.</summary>
    public Decoder Bulk { get; }

    /// <summary>z to one logit per spot; null without spots.</summary>
    public Decoder? Spatial { get; }

    /// <summary>z to the contribution beta.</summary>
    public Decoder Hazard { get; }

    /// <summary>Scale, offset and dispersion per gene of the bulk counts.</summary>
    public GeneParameters BulkGenes { get; }

    /// <summary>Scale, offset and dispersion per gene of the spatial counts; null without spots.</summary>
    public GeneParameters? SpatialGenes { get; }

    /// <summary>Dispersion per gene of the cells, used through softplus by the negative binomial likelihood.</summary>
    public Parameter CellDispersion { get; }

    /// <summary>What stage 1 trains.</summary>
    public IReadOnlyList<Parameter> CellParameters(CellLikelihood likelihood) =>
        [.. Encoder.Parameters, .. Expression.Parameters, .. likelihood == CellLikelihood.NegativeBinomial ? (Parameter[])[CellDispersion] : []];

    /// <summary>What stage 2 trains.</summary>
    public IReadOnlyList<Parameter> BulkParameters => [.. Bulk.Parameters, .. BulkGenes.Parameters];

    /// <summary>What stage 3 trains; empty without spots.</summary>
    public IReadOnlyList<Parameter> SpatialParameters => [.. Spatial?.Parameters ?? [], .. SpatialGenes?.Parameters ?? []];

    /// <summary>What stage 4 trains.</summary>
    public IReadOnlyList<Parameter> HazardParameters => Hazard.Parameters;

    /// <summary>Loss 1: KL(q || N(0, I)) + negative log likelihood of the counts, summed over cells and genes.</summary>
    /// <param name="tape">Where operations are recorded.</param>
    /// <param name="x">Raw counts of the minibatch, C x G.</param>
    /// <param name="samples">Sample of each cell, -1 for none.</param>
    /// <param name="oneHot">The same as a C x K matrix.</param>
    /// <param name="size">Mean count per gene of each cell, C.</param>
    /// <param name="eps">Standard normal draws, C x z.</param>
    /// <param name="likelihood">Poisson or negative binomial.</param>
    /// <param name="logFactorials">Sum of log x! over the minibatch; null to have it computed, which costs time in every step.</param>
    public Tensor CellLoss(Tape tape, SparseRows x, ReadOnlyMemory<int> samples, Tensor oneHot, ReadOnlySpan<float> size, Tensor eps, CellLikelihood likelihood, double? logFactorials = null)
    {
        ArgumentNullException.ThrowIfNull(tape);
        var (mu, sigma) = Encoder.Forward(tape, x, samples);
        Tensor z = Reparameterize(mu, sigma, eps);
        Tensor h = Expression.HiddenOf(ConcatColumns(z, oneHot));
        Linear o = Expression.Output;
        Tensor counts = likelihood == CellLikelihood.Poisson
            ? PoissonDecoderLoss(h, o.Weight, o.Bias, size, x, logFactorials)
            : NegativeBinomialDecoderLoss(h, o.Weight, o.Bias, Softplus(tape.Use(CellDispersion)), size, x, logFactorials);
        return Add(counts, KlStandardNormal(mu, sigma));
    }

    /// <summary>Expected counts per unit of size, C x G.</summary>
    public Tensor Rates(Tensor z, Tensor oneHot) => Softplus(Expression.Forward(ConcatColumns(z, oneHot)));

    /// <summary>Hidden states from which <see cref="Rates"/> are decoded, C x h.</summary>
    public Tensor HiddenOfRates(Tensor z, Tensor oneHot) => Expression.HiddenOf(ConcatColumns(z, oneHot));

    /// <summary>Share of each cell of the minibatch in each patient or spot, C x S: every column sums to one.</summary>
    public static Tensor Shares(Decoder decoder, Tensor z)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        return SoftmaxColumns(decoder.Forward(z));
    }

    /// <summary>Losses 2 and 3: negative binomial negative log likelihood of the bulk (or spatial) counts whose mean mixes the cells
    /// of the minibatch, m_s (sum_c p[s,c] (r_c o a) + b), summed over patients and genes.</summary>
    /// <param name="tape">Where operations are recorded.</param>
    /// <param name="decoder">Bulk or spatial decoder.</param>
    /// <param name="genes">Its parameters per gene.</param>
    /// <param name="z">Latent states of the minibatch, C x z; no gradient flows into them.</param>
    /// <param name="hidden">Hidden states of the expression decoder for the minibatch, C x h, see <see cref="HiddenOfRates"/>; no gradient flows into them.</param>
    /// <param name="output">Last layer of the expression decoder, or the part of it that belongs to the genes of <paramref name="counts"/>: weight and bias. No gradient flows into them.</param>
    /// <param name="counts">Counts S x G.</param>
    /// <param name="size">Mean count per gene of each patient, S.</param>
    /// <param name="constant">Part of the loss that depends on the counts alone; null to have it computed, which costs time in every step.</param>
    public static Tensor MixtureLoss(Tape tape, Decoder decoder, GeneParameters genes, Tensor z, Tensor hidden, (Tensor Weight, Tensor Bias) output, Tensor counts, Tensor size, double? constant = null)
    {
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentNullException.ThrowIfNull(tape);
        return MixtureDecoderLoss(Shares(decoder, z), hidden, output.Weight, output.Bias, Softplus(tape.Use(genes.Scale)), Softplus(tape.Use(genes.Offset)), Softplus(tape.Use(genes.Dispersion)), size, counts,
            constant);
    }

    /// <summary>Sets gradients to zero that are zero in exact arithmetic; call it after every backward pass.</summary>
    public void ZeroInvariantGradients()
    {
        Bulk.ZeroInvariantGradient();
        Spatial?.ZeroInvariantGradient();
        Hazard.ZeroInvariantGradient();
    }

    /// <summary>Contribution of each cell to the log hazard, C x 1.</summary>
    public Tensor Contribution(Tensor z) => Hazard.Forward(z);
}

/// <summary>Dimensions of <see cref="ScSurvModule"/>.</summary>
/// <param name="Genes">G.</param>
/// <param name="Samples">Columns of the one-hot sample matrix, K; at least 1.</param>
/// <param name="Patients">Columns of the bulk decoder, S.</param>
/// <param name="Spots">Columns of the spatial decoder, P; 0 for none.</param>
/// <param name="Latent">z.</param>
/// <param name="Hidden">h.</param>
/// <param name="Blocks">Blocks per net; at least 1.</param>
public sealed record ScSurvSizes(int Genes, int Samples, int Patients, int Spots, int Latent, int Hidden, int Blocks);
