namespace Cellcast.Survival;

/// <summary>Cox's proportional hazards model fitted by Newton's method with step halving. Source: Cox (1972); Therneau and Grambsch (2000), chapter 3.</summary>
public static class CoxRegression
{
    private const double SingularTolerance = 1e-10;
    private const double DecrementTolerance = 1e-14;
    private const double RunawayStep = 1e-3;

    /// <summary>Fits the model.</summary>
    /// <param name="data">Follow-up of n subjects, with weights and strata if any.</param>
    /// <param name="covariates">n x p covariates, one row per subject.</param>
    /// <param name="options">Ties, ridge penalty, names, offset; null for the defaults.</param>
    /// <exception cref="SurvivalDataException">No event, a covariate that is missing, constant or a combination of others, covariates that
    /// separate the events from the rest (no finite estimate), or no convergence.</exception>
    public static CoxFit Fit(SurvivalData data, double[,] covariates, CoxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(covariates);
        options ??= new CoxOptions();
        var design = new Design(data, covariates, options);
        int p = design.Columns;
        var likelihood = new PartialLikelihood(data, options.Ties);

        double[] penalty = new double[p];
        if (!(options.Ridge >= 0) || double.IsInfinity(options.Ridge))
            throw new SurvivalDataException($"the ridge penalty is {options.Ridge}: give a number of at least 0");
        for (int j = 0; j < p; j++)
            penalty[j] = options.RidgeOnStandardized ? options.Ridge : options.Ridge / (design.Scale[j] * design.Scale[j]);

        double[] gamma = new double[p], score = new double[p], step = new double[p], reference = new double[p];
        double[] information = new double[p * p], eta = new double[data.Count];

        double Penalized(double logLikelihood, double[] g)
        {
            for (int j = 0; j < p; j++) logLikelihood -= 0.5 * penalty[j] * g[j] * g[j];
            return logLikelihood;
        }

        design.LinearPredictor(gamma, eta);
        double logLikelihood = -likelihood.Evaluate(eta), nullLogLikelihood = logLikelihood, objective = logLikelihood;
        ChiSquaredTest? scoreTest = null;
        bool converged = p == 0;
        int iterations = 0;
        SymmetricSystem? factor = null;
        double decrement = double.NaN;
        for (; !converged; iterations++)
        {
            likelihood.ScoreAndInformation(design.X, p, default, score, information);
            for (int j = 0; j < p; j++)
            {
                information[j * p + j] += penalty[j];
                score[j] -= penalty[j] * gamma[j];
            }
            if (iterations == 0)
                for (int j = 0; j < p; j++) reference[j] = Math.Max(information[j * p + j], SingularTolerance * design.RiskWeight);
            factor = SymmetricSystem.TryFactor(information, p, reference, SingularTolerance, out int failed);
            if (factor is null)
                throw iterations == 0 ? Singular(design, failed, information[failed * p + failed] <= SingularTolerance * design.RiskWeight, data) : Monotone(design.Names[failed]);
            if (iterations == 0) scoreTest = ChiSquaredTest.Of(factor.InverseQuadraticForm(score), p);

            score.CopyTo(step, 0);
            factor.Solve(step);
            decrement = 0;
            int largest = 0;
            for (int j = 0; j < p; j++)
            {
                decrement += step[j] * score[j];
                if (Math.Abs(step[j]) > Math.Abs(step[largest])) largest = j;
            }
            if (decrement <= DecrementTolerance * Math.Abs(nullLogLikelihood))
            {
                // A likelihood that is flat although the step is long rises for ever towards an asymptote.
                if (Math.Abs(step[largest]) > RunawayStep) throw Monotone(design.Names[largest]);
                for (int j = 0; j < p; j++) gamma[j] += step[j];
                converged = true;
                break;
            }
            if (iterations == options.MaxIterations) break;

            double[] trial = new double[p];
            double size = 1, next = double.NaN, nextLogLikelihood = double.NaN;
            for (int halvings = 0; halvings < 40; halvings++, size /= 2)
            {
                for (int j = 0; j < p; j++) trial[j] = gamma[j] + size * step[j];
                design.LinearPredictor(trial, eta);
                nextLogLikelihood = -likelihood.Evaluate(eta);
                next = Penalized(nextLogLikelihood, trial);
                if (next >= objective - 1e-13 * Math.Abs(objective)) break;
            }
            if (!(next >= objective - 1e-13 * Math.Abs(objective))) break;
            (gamma, objective, logLikelihood) = (trial, next, nextLogLikelihood);
        }
        if (!converged)
            throw new SurvivalDataException($"the Cox model did not converge in {iterations} steps: scale the covariates, drop extreme values or set a ridge penalty");

        design.LinearPredictor(gamma, eta);
        logLikelihood = -likelihood.Evaluate(eta);
        if (p > 0)
        {
            likelihood.ScoreAndInformation(design.X, p, default, score, information);
            for (int j = 0; j < p; j++) information[j * p + j] += penalty[j];
            factor = SymmetricSystem.TryFactor(information, p, reference, 0, out int failed) ?? throw Monotone(design.Names[failed]);
        }
        return new CoxFit(data, options, design, gamma, eta, p == 0 ? [] : factor!.Inverse(), nullLogLikelihood, logLikelihood,
            scoreTest ?? ChiSquaredTest.Of(0, 0), iterations);
    }

    private static SurvivalDataException Singular(Design design, int column, bool constant, SurvivalData data)
    {
        string name = design.Names[column];
        if (constant)
            return new SurvivalDataException($"covariate '{name}' is constant among the subjects at risk: leave it out");
        return design.Columns >= data.EventCount
            ? new SurvivalDataException($"there are {design.Columns} covariates but only {data.EventCount} events: use fewer covariates or set a ridge penalty")
            : new SurvivalDataException($"covariate '{name}' is a combination of the covariates before it: leave it out or set a ridge penalty");
    }

    private static SurvivalDataException Monotone(string name) =>
        new($"covariate '{name}' separates the events from the other subjects at risk, so its coefficient has no finite estimate: leave it out, merge its rare levels or set a ridge penalty");
}
