namespace Cellcast.Survival;

/// <summary>A fitted Cox model.</summary>
public sealed class CoxFit
{
    private readonly SurvivalData _data;
    private readonly Design _design;
    private readonly CoxOptions _options;
    private readonly double[] _eta;

    internal CoxFit(SurvivalData data, CoxOptions options, Design design, double[] gamma, double[] eta, double[] inverse,
        double nullLogLikelihood, double logLikelihood, ChiSquaredTest scoreTest, int iterations)
    {
        (_data, _options, _design, _eta) = (data, options, design, eta);
        int p = design.Columns;
        Coefficients = new double[p];
        StandardErrors = new double[p];
        Covariance = new double[p, p];
        double wald = 0;
        for (int j = 0; j < p; j++)
        {
            Coefficients[j] = gamma[j] / design.Scale[j];
            StandardErrors[j] = Math.Sqrt(inverse[j * p + j]) / design.Scale[j];
            for (int l = 0; l < p; l++) Covariance[j, l] = inverse[j * p + l] / (design.Scale[j] * design.Scale[l]);
        }
        if (p > 0) wald = SymmetricSystem.TryFactor(inverse, p, new double[p], 0, out _)?.InverseQuadraticForm(gamma) ?? double.NaN;
        NullLogLikelihood = nullLogLikelihood;
        LogLikelihood = logLikelihood;
        WaldTest = ChiSquaredTest.Of(wald, p);
        LikelihoodRatioTest = ChiSquaredTest.Of(Math.Max(0, 2 * (logLikelihood - nullLogLikelihood)), p);
        ScoreTest = scoreTest;
        Iterations = iterations;
    }

    /// <summary>Names of the covariates.</summary>
    public IReadOnlyList<string> Names => _design.Names;

    /// <summary>Log hazard ratio per unit of each covariate.</summary>
    public double[] Coefficients { get; }

    /// <summary>Standard errors of the coefficients, from the inverse of the (penalised) observed information.</summary>
    public double[] StandardErrors { get; }

    /// <summary>Covariance of the coefficients, p x p.</summary>
    public double[,] Covariance { get; }

    /// <summary>Covariance of the coefficients that does not take weights for numbers of subjects, nor the model for true, p x p: the sum of squared influences.
    /// Sources: Lin and Wei (1989); Binder (1992). Approximate when a ridge penalty is set.</summary>
    public double[,] RobustCovariance()
    {
        int p = Coefficients.Length;
        var scaled = new double[p * p];
        for (int j = 0; j < p; j++)
            for (int l = 0; l < p; l++) scaled[j * p + l] = Covariance[j, l] * _design.Scale[j] * _design.Scale[l];
        double[] squares = ScoreResiduals.Squares(_data, ScoreResiduals.Of(_data, _design.X, p, _eta, Ties), p);
        var robust = new double[p, p];
        for (int j = 0; j < p; j++)
            for (int l = 0; l < p; l++)
            {
                double sum = 0;
                for (int a = 0; a < p; a++)
                    for (int b = 0; b < p; b++) sum += scaled[j * p + a] * squares[a * p + b] * scaled[b * p + l];
                robust[j, l] = sum / (_design.Scale[j] * _design.Scale[l]);
            }
        return robust;
    }

    /// <summary>Weighted means of the covariates; <see cref="LinearPredictors"/> are 0 there.</summary>
    public IReadOnlyList<double> Means => _design.Mean;

    /// <summary>Log partial likelihood with all coefficients 0.</summary>
    public double NullLogLikelihood { get; }

    /// <summary>Log partial likelihood at the estimate, without the penalty.</summary>
    public double LogLikelihood { get; }

    /// <summary>All coefficients 0, by the estimate and its covariance. Approximate when a ridge penalty is set.</summary>
    public ChiSquaredTest WaldTest { get; }

    /// <summary>All coefficients 0, by twice the gain in log likelihood. Approximate when a ridge penalty is set.</summary>
    public ChiSquaredTest LikelihoodRatioTest { get; }

    /// <summary>All coefficients 0, by the score there. Approximate when a ridge penalty is set.</summary>
    public ChiSquaredTest ScoreTest { get; }

    /// <summary>Newton steps taken.</summary>
    public int Iterations { get; }

    /// <summary>How tied deaths were treated.</summary>
    public TieMethod Ties => _options.Ties;

    /// <summary>Linear predictor of each subject, relative to a subject with average covariates, offset included.</summary>
    public IReadOnlyList<double> LinearPredictors => _eta;

    /// <summary>Two-sided p-value of each coefficient (Wald).</summary>
    public double[] PValues => [.. Coefficients.Select((b, j) => Distributions.TwoSidedNormal(b / StandardErrors[j]))];

    /// <summary>Confidence limits of the hazard ratio of one covariate.</summary>
    /// <param name="covariate">Its index.</param>
    /// <param name="level">Confidence level.</param>
    public (double Estimate, double Lower, double Upper) HazardRatio(int covariate, double level = 0.95)
    {
        double b = Coefficients[covariate], e = Distributions.TwoSidedQuantile(level) * StandardErrors[covariate];
        return (Math.Exp(b), Math.Exp(b - e), Math.Exp(b + e));
    }

    /// <summary>Linear predictors of new subjects, on the scale of <see cref="LinearPredictors"/> (no offset).</summary>
    /// <param name="covariates">m x p covariates.</param>
    public double[] Predict(double[,] covariates)
    {
        ArgumentNullException.ThrowIfNull(covariates);
        int p = _design.Columns;
        if (covariates.GetLength(1) != p) throw new SurvivalDataException($"the model has {p} covariates but the new subjects have {covariates.GetLength(1)}: give the same ones in the same order");
        var eta = new double[covariates.GetLength(0)];
        for (int i = 0; i < eta.Length; i++)
            for (int j = 0; j < p; j++) eta[i] += Coefficients[j] * (covariates[i, j] - _design.Mean[j]);
        return eta;
    }

    /// <summary>Cumulative baseline hazard of a subject whose <see cref="LinearPredictors"/> is 0, with the tie treatment of the fit.</summary>
    /// <param name="stratum">The stratum, when the data has strata.</param>
    public BaselineHazard Baseline(int? stratum = null)
    {
        if (stratum is null) return BaselineHazard.Estimate(_data, _eta, Ties);
        int[] members = [.. Enumerable.Range(0, _data.Count).Where(i => _data.StratumOf(i) == stratum)];
        if (members.Length == 0) throw new SurvivalDataException($"no subject is in stratum {stratum}");
        return BaselineHazard.Estimate(_data.Subset(members), [.. members.Select(i => _eta[i])], Ties);
    }

    /// <summary>Harrell's concordance of the fitted linear predictors with the follow-up they were fitted to.</summary>
    public Concordance Concordance() => Survival.Concordance.Compute(_data, _eta);

    /// <summary>Tests whether the hazard ratios change with time.</summary>
    /// <param name="transform">The function of time that they are tested against.</param>
    public ProportionalityTest TestProportionality(TimeTransform transform = TimeTransform.KaplanMeier) =>
        ProportionalityTest.Compute(_data, _design, _eta, _options, transform);
}
