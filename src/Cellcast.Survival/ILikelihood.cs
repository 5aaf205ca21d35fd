namespace Cellcast.Survival;

/// <summary>
/// The negative log likelihood of n subjects' outcomes as a convex function of their linear predictors: what a regression, penalised or not, needs to know of an outcome.
/// Survival is <see cref="PartialLikelihood"/>, a binary outcome <see cref="LogisticLikelihood"/>, a continuous one <see cref="GaussianLikelihood"/>.
/// Instances may hold scratch memory: use one per thread.
/// </summary>
public interface ILikelihood
{
    /// <summary>Number of subjects n.</summary>
    int Count { get; }

    /// <summary>True when a constant added to all linear predictors can change the value, so that a regression wants an intercept; false for partial likelihoods.</summary>
    bool HasIntercept { get; }

    /// <summary>The negative log likelihood.</summary>
    /// <param name="eta">Linear predictors, n values. NaN where it matters gives NaN.</param>
    double Evaluate(ReadOnlySpan<double> eta);

    /// <summary>The negative log likelihood and its gradient.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="gradient">Receives the derivative by each linear predictor, n values.</param>
    double Evaluate(ReadOnlySpan<double> eta, Span<double> gradient);

    /// <summary>The product of the Hessian with a vector.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="vector">The vector, n values.</param>
    /// <param name="product">Receives the product, n values; may be the same memory as <paramref name="vector"/>.</param>
    void HessianVectorProduct(ReadOnlySpan<double> eta, ReadOnlySpan<double> vector, Span<double> product);

    /// <summary>The diagonal of the Hessian.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="diagonal">Receives n values, none negative.</param>
    void HessianDiagonal(ReadOnlySpan<double> eta, Span<double> diagonal);

    /// <summary>Value, score and information of coefficients b when eta = X b + offset.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="x">Covariates, n x p, row-major; centred columns keep differences accurate.</param>
    /// <param name="p">Number of covariates.</param>
    /// <param name="score">Receives p values: the gradient of the log likelihood (not of its negative) by the coefficients.</param>
    /// <param name="information">Receives p x p values, symmetric: X' H X, H the Hessian of <see cref="Evaluate(ReadOnlySpan{double})"/>.</param>
    /// <returns>The negative log likelihood.</returns>
    double ScoreAndInformation(ReadOnlySpan<double> eta, ReadOnlySpan<double> x, int p, Span<double> score, Span<double> information);
}
