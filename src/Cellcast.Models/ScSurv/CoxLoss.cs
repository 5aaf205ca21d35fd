using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScSurv;

/// <summary>Loss 4: negative log partial likelihood of linear predictors, with its exact gradient, as an operation on a tape.</summary>
public static class CoxLoss
{
    /// <param name="tape">The tape of the result.</param>
    /// <param name="eta">Linear predictors, one per patient of <paramref name="likelihood"/>.</param>
    /// <param name="likelihood">Times, events and the treatment of ties.</param>
    public static Tensor Of(Tape tape, Tensor eta, PartialLikelihood likelihood)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(likelihood);
        var gradient = new float[likelihood.Count];
        return tape.Record([eta], [1],
            loss => loss.Span[0] = (float)likelihood.Evaluate(eta.Span, gradient),
            loss =>
            {
                float upstream = loss.Gradient.Span[0];
                Span<float> to = eta.Gradient.Span;
                for (int i = 0; i < to.Length; i++) to[i] += upstream * gradient[i];
            });
    }
}
