using System.Text.Json.Serialization;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>Likelihood of the single-cell counts.</summary>
public enum CellLikelihood
{
    /// <summary>Poisson (published default).</summary>
    Poisson,

    /// <summary>Negative binomial with one dispersion per gene.</summary>
    NegativeBinomial,
}

/// <summary>How contributions are estimated from shares and survival.</summary>
public enum HazardMethod
{
    /// <summary>As published: a network on the latent state, trained on minibatches and stopped by the concordance of the validation patients.</summary>
    Published,

    /// <summary>Contributions smooth over types, latent states and expression programs (<see cref="ContributionModel"/>): a penalised likelihood of the training and validation
    /// patients, with intervals. Cells and bulk are trained as published.</summary>
    Smooth,
}

/// <summary>What the test patients may touch.</summary>
public enum Protocol
{
    /// <summary>Test patients take no part in gene selection or in any training stage; their shares come from projection with
    /// everything else frozen.</summary>
    HeldOut,

    /// <summary>As published: gene selection and deconvolution see the counts of all patients, only the hazard stage leaves the
    /// test patients out.</summary>
    Transductive,
}

/// <summary>Learning rate and minibatch of one training stage.</summary>
/// <param name="LearningRate">AdamW learning rate.</param>
/// <param name="BatchSize">Cells per minibatch.</param>
public sealed record StageOptions(double LearningRate, int BatchSize);

/// <summary>
/// Settings of scSurv. All defaults but <see cref="Method"/> are the published ones (Mizukoshi et al., Bioinformatics 42(1), 2026).
/// </summary>
public sealed record ScSurvOptions
{
    /// <summary>How contributions are estimated. Left out of what is written where it is <see cref="HazardMethod.Published"/>, as in files from before there was a choice.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public HazardMethod Method { get; init; } = HazardMethod.Smooth;

    /// <summary>Size of the latent state z.</summary>
    public int Latent { get; init; } = 20;

    /// <summary>Width of the hidden layers h.</summary>
    public int Hidden { get; init; } = 100;

    /// <summary>Blocks per net, at least 1.</summary>
    public int Blocks { get; init; } = 1;

    /// <summary>Likelihood of the single-cell counts.</summary>
    public CellLikelihood Likelihood { get; init; } = CellLikelihood.Poisson;

    /// <summary>How tied event times enter the partial likelihood.</summary>
    public TieMethod Ties { get; init; } = TieMethod.Efron;

    /// <summary>What the test patients may touch.</summary>
    public Protocol Protocol { get; init; } = Protocol.HeldOut;

    /// <summary>Seed of everything random.</summary>
    public long Seed { get; init; }

    /// <summary>Variable genes to keep.</summary>
    public int Genes { get; init; } = 5000;

    /// <summary>Which matrix ranks the genes.</summary>
    public GeneSource GeneSource { get; init; } = GeneSource.Bulk;

    /// <summary>Share of cells, patients and spots in which a gene must be detected.</summary>
    public double MinimumDetected { get; init; } = 0.01;

    /// <summary>Stage 1: encoder and expression decoder.</summary>
    public StageOptions Cells { get; init; } = new(0.01, 1000);

    /// <summary>Stage 2: bulk decoder.</summary>
    public StageOptions Bulk { get; init; } = new(0.01, 1000);

    /// <summary>Stage 3: spatial decoder.</summary>
    public StageOptions Spots { get; init; } = new(0.01, 1000);

    /// <summary>Stage 4: hazard decoder.</summary>
    public StageOptions Hazard { get; init; } = new(1e-4, 500);

    /// <summary>AdamW weight decay, on every parameter of the stage that trains.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Most epochs of a stage.</summary>
    public int MaxEpochs { get; init; } = 10_000;

    /// <summary>Epochs without improvement of the running mean after which a stage stops.</summary>
    public int Patience { get; init; } = 10;

    /// <summary>Validation values in the running mean.</summary>
    public int Window { get; init; } = 10;

    /// <summary>Share of cells that train; of the rest, two thirds validate and one third is left over for testing.</summary>
    public double TrainCells { get; init; } = 0.85;

    /// <summary>Share of cells that validate.</summary>
    public double ValidationCells { get; init; } = 0.10;

    /// <summary>Share of patients that train.</summary>
    public double TrainPatients { get; init; } = 0.60;

    /// <summary>Share of patients that validate.</summary>
    public double ValidationPatients { get; init; } = 0.20;

    /// <summary>Draws of the latent state that the reported contributions and shares are averaged over.</summary>
    public int PosteriorDraws { get; init; } = 100;

    /// <summary>Minibatch steps of the projection of new patients.</summary>
    public int ProjectionSteps { get; init; } = 1000;
}
