namespace Cellcast.Survival;

/// <summary>Settings of <see cref="PenalizedRegression"/>.</summary>
public sealed record PenalizedRegressionOptions
{
    /// <summary>Names of the coefficients for messages; x1, x2, … when null.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>A known part of each subject's linear predictor, or null.</summary>
    public IReadOnlyList<double>? Offset { get; init; }

    /// <summary>Coefficients to start from, such as those of a neighbouring penalty, or null for 0.</summary>
    public IReadOnlyList<double>? Start { get; init; }

    /// <summary>Most Newton steps.</summary>
    public int MaxIterations { get; init; } = 100;
}

/// <summary>The maximum of a penalised likelihood.</summary>
public sealed class PenalizedFit
{
    private readonly SymmetricSystem? _factor;

    internal PenalizedFit(double[] coefficients, double[] eta, double negativeLogLikelihood, double penalty, double[] information, SymmetricSystem? factor, int iterations)
    {
        (Coefficients, LinearPredictors, NegativeLogLikelihood, PenaltyValue, Information, _factor, Iterations) = (coefficients, eta, negativeLogLikelihood, penalty, information, factor, iterations);
        int p = coefficients.Length;
        LogDeterminant = factor?.LogDeterminant ?? 0;
        Covariance = factor?.Inverse() ?? [];
        double trace = 0;
        for (int i = 0; i < p * p; i++) trace += Covariance[i] * information[i];
        EffectiveDegreesOfFreedom = trace;
    }

    /// <summary>The estimate, p values.</summary>
    public double[] Coefficients { get; }

    /// <summary>Inverse of information + penalty, p x p row-major: the covariance of the coefficients (posterior, when the penalty is a prior).</summary>
    public double[] Covariance { get; }

    /// <summary>Standard errors, p values: roots of the diagonal of <see cref="Covariance"/>.</summary>
    public double[] StandardErrors => [.. Enumerable.Range(0, Coefficients.Length).Select(j => Math.Sqrt(Covariance[j * Coefficients.Length + j]))];

    /// <summary>X' H X at the estimate, without the penalty, p x p row-major.</summary>
    public double[] Information { get; }

    /// <summary>eta = X b + offset, n values.</summary>
    public double[] LinearPredictors { get; }

    /// <summary>Negative log likelihood at the estimate, without the penalty.</summary>
    public double NegativeLogLikelihood { get; }

    /// <summary>b' K b / 2 at the estimate, K the penalty.</summary>
    public double PenaltyValue { get; }

    /// <summary>log |information + penalty|.</summary>
    public double LogDeterminant { get; }

    /// <summary>trace((information + penalty)^-1 information): between 0 and p. Source: Gray (1992).</summary>
    public double EffectiveDegreesOfFreedom { get; }

    /// <summary>Newton steps taken.</summary>
    public int Iterations { get; }

    /// <summary>Laplace's approximation of the log marginal likelihood, the penalty being the precision of a normal prior; up to a constant that does not depend on the penalty.</summary>
    /// <param name="logDeterminantOfPenalty">Log of the product of the penalty's eigenvalues that are not 0.</param>
    public double LogMarginalLikelihood(double logDeterminantOfPenalty) => -NegativeLogLikelihood - PenaltyValue + 0.5 * logDeterminantOfPenalty - 0.5 * LogDeterminant;

    /// <summary>Standard error of c' b for a contrast c of the coefficients.</summary>
    /// <param name="contrast">p values.</param>
    public double StandardErrorOf(ReadOnlySpan<double> contrast) => _factor is null ? 0 : Math.Sqrt(_factor.InverseQuadraticForm(contrast));
}

/// <summary>Regression of any outcome with a quadratic penalty on its coefficients, none, some or all of them: the minimum of
/// -log likelihood(X b + offset) + b' K b / 2, convex, by Newton's method with step halving; deterministic.</summary>
public static class PenalizedRegression
{
    private const double SingularTolerance = 1e-11;
    private const double DecrementTolerance = 1e-13;

    /// <summary>Fits.</summary>
    /// <param name="likelihood">The outcome of n subjects.</param>
    /// <param name="x">n x p covariates, row-major; centred and scaled ones are safest. An outcome with an intercept needs a column of ones.</param>
    /// <param name="p">Number of coefficients; 0 is allowed.</param>
    /// <param name="penalty">K: p values for a diagonal one (0 where a coefficient is free), p x p row-major for any symmetric positive semidefinite one, or empty for none.</param>
    /// <param name="options">Names, offset, start; null for the defaults.</param>
    /// <exception cref="SurvivalDataException">A value is not finite, a coefficient is not determined by data and penalty, or no convergence.</exception>
    public static PenalizedFit Fit(ILikelihood likelihood, ReadOnlySpan<double> x, int p, ReadOnlySpan<double> penalty = default, PenalizedRegressionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(likelihood);
        options ??= new PenalizedRegressionOptions();
        int n = likelihood.Count;
        if (x.Length != n * p) throw new ArgumentException($"{n} subjects and {p} coefficients need {n * p} covariates, not {x.Length}", nameof(x));
        if (penalty.Length != 0 && penalty.Length != p && penalty.Length != p * p) throw new ArgumentException($"a penalty of {p} coefficients has {p} or {p * p} values, not {penalty.Length}", nameof(penalty));
        for (int i = 0; i < x.Length; i++)
            if (!double.IsFinite(x[i])) throw new SurvivalDataException($"covariate '{Name(i % p)}' of {SurvivalData.Subject(i / p, n)} is {(double.IsNaN(x[i]) ? "missing" : "infinite")}: fill it in or leave the subject out");
        double[]? offset = options.Offset is null ? null : [.. options.Offset];
        if (offset is not null && offset.Length != n) throw new SurvivalDataException($"there are {n} subjects but {offset.Length} offsets: give one per subject, in the same order");
        double[] k = Full(penalty, p), b = options.Start is null ? new double[p] : [.. options.Start];
        double[] eta = new double[n], score = new double[p], information = new double[p * p], curvature = new double[p * p], reference = new double[p], step = new double[p];

        LinearPredictors(x, p, b, offset, eta);
        double value = likelihood.Evaluate(eta) + Quadratic(k, b);
        if (!double.IsFinite(value)) throw new SurvivalDataException("the likelihood is not finite where the fit starts: look for extreme offsets or covariates");
        for (int iterations = 0; ; iterations++)
        {
            double likelihoodValue = likelihood.ScoreAndInformation(eta, x, p, score, information);
            for (int j = 0; j < p; j++)
            {
                double kb = 0;
                for (int l = 0; l < p; l++) kb += k[j * p + l] * b[l];
                score[j] -= kb;
            }
            for (int i = 0; i < curvature.Length; i++) curvature[i] = information[i] + k[i];
            // The size that a well-determined coefficient's curvature has: what is far below it at a later step has run away.
            if (iterations == 0)
                for (int j = 0; j < p; j++) reference[j] = Math.Max(curvature[j * p + j], SingularTolerance);
            var factor = SymmetricSystem.TryFactor(curvature, p, reference, SingularTolerance, out int failed);
            if (factor is null)
                throw new SurvivalDataException($"the coefficient of '{Name(failed)}' is not determined: {(iterations == 0 ? "the covariate is constant or a combination of those before it, leave it out or penalise it" : "the covariate separates the outcomes, leave it out, merge its rare levels or penalise it")}");
            score.CopyTo(step, 0);
            factor.Solve(step);
            double decrement = 0;
            for (int j = 0; j < p; j++) decrement += step[j] * score[j];
            if (decrement <= DecrementTolerance * (1 + Math.Abs(value)))
                return new PenalizedFit(b, eta, likelihoodValue, Quadratic(k, b), information, p == 0 ? null : factor, iterations);
            if (iterations == options.MaxIterations) throw new SurvivalDataException($"the regression did not converge in {iterations} steps: scale the covariates, drop extreme values or raise the penalty");

            double[] trial = new double[p];
            double size = 1, next = double.NaN;
            for (int halvings = 0; halvings < 50; halvings++, size /= 2)
            {
                for (int j = 0; j < p; j++) trial[j] = b[j] + size * step[j];
                LinearPredictors(x, p, trial, offset, eta);
                next = likelihood.Evaluate(eta) + Quadratic(k, trial);
                if (next <= value + 1e-14 * Math.Abs(value)) break;
            }
            if (!(next <= value + 1e-14 * Math.Abs(value))) throw new SurvivalDataException("the regression found no better coefficients although it has not converged: scale the covariates or raise the penalty");
            (b, value) = (trial, next);
        }

        string Name(int j) => options.Names is { } names && j < names.Count ? names[j] : $"x{j + 1}";
    }

    private static void LinearPredictors(ReadOnlySpan<double> x, int p, double[] b, double[]? offset, double[] eta)
    {
        for (int i = 0; i < eta.Length; i++)
        {
            double sum = offset is null ? 0 : offset[i];
            ReadOnlySpan<double> row = x.Slice(i * p, p);
            for (int j = 0; j < p; j++) sum += row[j] * b[j];
            eta[i] = sum;
        }
    }

    private static double[] Full(ReadOnlySpan<double> penalty, int p)
    {
        if (penalty.Length == p * p) return penalty.ToArray();
        var k = new double[p * p];
        for (int j = 0; j < penalty.Length; j++) k[j * p + j] = penalty[j];
        return k;
    }

    private static double Quadratic(double[] k, double[] b)
    {
        int p = b.Length;
        double sum = 0;
        for (int j = 0; j < p; j++)
            for (int l = 0; l < p; l++) sum += b[j] * k[j * p + l] * b[l];
        return sum / 2;
    }
}
